"""What would hang, or go on for ever, once everything that is needed is healthy again."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="no_pre_vote",
        wrong="A member that hears nobody campaigns again and again, each time in a new term.",
        changes=(
            Change("raft/voting.cc",
                   "if (kind == Candidate::Kind::kPreVote && !state_.options.pre_vote) "
                   "kind = Candidate::Kind::kVote;",
                   "if (kind == Candidate::Kind::kPreVote) kind = Candidate::Kind::kVote;"),
        ),
        expected=("liveness",),
        worlds=("raft", "cluster")),
    Mutant(
        name="no_check_quorum",
        wrong="A leader that hears nobody goes on leading those that hear it.",
        changes=(
            Change("raft/leader.cc",
                   "if (state_.options.check_quorum && !HasActiveQuorum()) "
                   "return Verdict::kStepsDown;",
                   "if (peers_.size() > 1'000 && !HasActiveQuorum()) "
                   "return Verdict::kStepsDown;"),
        ),
        expected=("liveness",),
        worlds=("cluster", "raft")),
    Mutant(
        name="neither_pre_vote_nor_stickiness",
        wrong="Whoever cannot hear its leader deposes it with ever higher terms.",
        changes=(
            Change("raft/voting.cc",
                   "if (kind == Candidate::Kind::kPreVote && !state_.options.pre_vote) "
                   "kind = Candidate::Kind::kVote;",
                   "if (kind == Candidate::Kind::kPreVote) kind = Candidate::Kind::kVote;"),
            Change("raft/voting.cc",
                   "if (request != nullptr && !request->transfer && "
                   "state_.options.check_quorum) {",
                   "if (request != nullptr && request->pre && state_.options.check_quorum) {"),
        ),
        expected=("liveness",),
        worlds=("cluster", "raft")),
    Mutant(
        name="no_random_election_timeout",
        wrong="All members time out after the same time, and outvote each other for ever.",
        changes=(
            Change("raft/member_state.cc",
                   "return static_cast<int>(random_.Between(ticks, 2 * ticks - 1));",
                   "return static_cast<int>(ticks);"),
            # That alone would do no harm: who asks for votes together does not split them.
            Change("raft/voting.cc",
                   "} else if (candidate->GivesWayTo(rival, request)) {",
                   "} else if (false && candidate->GivesWayTo(rival, request)) {"),
        ),
        expected=("liveness",)),
    Mutant(
        name="next_index_never_backs_off",
        wrong="A leader whose append is refused sends the same one again.",
        changes=(
            Change("raft/progress.cc",
                   "next_ = std::max(std::min(refused, hint.next()), match_.next());",
                   "next_ = std::max(refused.next(), std::min(hint, match_).next());"),
        ),
        expected=("liveness",)),
    Mutant(
        name="snapshot_never_retried",
        wrong="A leader whose snapshot did not arrive waits for it for ever.",
        changes=(
            Change("raft/leader.cc",
                   "  if (peer == nullptr || peer->progress.state() != "
                   "Progress::State::kSnapshot) return;\n",
                   "  if (peer == nullptr || peer->progress.state() != "
                   "Progress::State::kSnapshot || !ok) return;\n"),
        ),
        expected=("liveness",),
        worlds=("cluster", "raft")),
    Mutant(
        name="lost_probe_never_repeated",
        wrong="A leader waits for the answer to a probe that was lost.",
        changes=(
            Change("raft/progress.cc",
                   "  if (state_ == State::kProbe) probe_sent_ = false;\n", ""),
        ),
        expected=("liveness",)),
    Mutant(
        name="lost_append_never_repeated",
        wrong="A leader waits for the answer to an append that was lost.",
        changes=(
            Change("raft/progress.cc",
                   "wants_empty_append_ = waits && match_ == match_at_heartbeat_;",
                   "wants_empty_append_ = waits && match_ > match_at_heartbeat_;"),
        ),
        expected=("liveness",)),
    Mutant(
        name="transfer_never_given_up",
        wrong="A leader waits for ever for the one that it hands over to, and takes no writes.",
        changes=(
            Change("raft/leader_membership.cc",
                   "if (++transfer_->elapsed_ticks >= state_.options.election_timeout_ticks) "
                   "transfer_.reset();",
                   "++transfer_->elapsed_ticks;"),
        ),
        expected=("liveness",)),
    Mutant(
        name="deadline_never_fires",
        wrong="A request that cannot be served is not answered at its deadline.",
        changes=(
            Change("node/replica_requests.cc",
                   "  writes_.Expire(Now());\n  reads_.Expire(Now());\n", ""),
        ),
        expected=("liveness",)),
    Mutant(
        name="silent_during_a_snapshot",
        wrong="A peer that is sent a snapshot gets no heartbeats.",
        changes=(
            Change("raft/leader_replication.cc",
                   "  if (NeedsHeartbeat(progress)) SendHeartbeat(progress);\n",
                   "  if (progress.state() != Progress::State::kSnapshot && "
                   "NeedsHeartbeat(progress)) {\n    SendHeartbeat(progress);\n  }\n"),
        ),
        expected=("liveness",),
        worlds=("cluster", "raft")),
    Mutant(
        name="removed_member_not_told",
        wrong="A member that was removed while it was away never hears of it.",
        changes=(
            Change("node/replica_membership.cc",
                   "  return removed ? std::optional(answer) : std::nullopt;",
                   "  return removed && answer.group.is_none() ? std::optional(answer) "
                   ": std::nullopt;"),
        ),
        expected=("liveness",)),
    Mutant(
        name="failed_replica_not_replaced",
        wrong="A replica that lost its log is never replaced.",
        changes=(
            Change("node/replica_membership.cc",
                   "    repairs_.Requested(request.failed, Now());\n",
                   "    Touch();\n"),
        ),
        expected=("liveness",)),
    Mutant(
        name="failed_engine_not_opened_again",
        wrong="A replica whose engine failed once does not begin again.",
        changes=(
            Change("node/node_replicas.cc",
                   "    if (!MayPass(failed.why) || env_.clock.Now() < failed.retry_at) "
                   "continue;\n",
                   "    if (MayPass(failed.why) || env_.clock.Now() < failed.retry_at) "
                   "continue;\n"),
        ),
        expected=("liveness",)),
]

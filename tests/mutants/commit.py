"""What counts as committed (Raft thesis 3.6.2, 4.2.1, 4.3)."""

from mutants import NO_SELF_CHECK, Change, Mutant

MUTANTS = [
    Mutant(
        name="older_term_committed_by_counting",
        wrong="A leader commits entries of earlier terms by counting (thesis figure 3.7).",
        changes=(
            Change("raft/leader.cc",
                   "if (agreed <= log.commit() || agreed < first_own_index_) "
                   "return Verdict::kStays;",
                   "if (agreed <= log.commit()) return Verdict::kStays;"),
            NO_SELF_CHECK,
        ),
        expected=("by counting in term",),
        worlds=("cluster", "raft")),
    # Of an append's commit the same mistake would be none: our leader learns from a refusal exactly
    # where the logs part, so its first entries cut off whatever of the follower's differs.
    Mutant(
        name="heartbeat_commits_what_was_not_compared",
        wrong="A heartbeat carries the whole commit, and a follower takes it for its own log.",
        changes=(
            Change("raft/leader_replication.cc",
                   "  const LogIndex commit = std::min(state_.log().commit(), progress.match());\n"
                   "  state_.Send(",
                   "  const LogIndex commit = state_.log().commit();\n  state_.Send("),
            Change("raft/follower.cc",
                   "  FLOTILLA_CHECK_LE(heartbeat.commit, state_.log().last_index());\n"
                   "  state_.CommitTo(heartbeat.commit);",
                   "  state_.CommitTo(std::min(heartbeat.commit, state_.log().last_index()));"),
        ),
        expected=("the states of machines", "state machine safety", "CHECK failed"),
        worlds=("cluster", "raft")),
    Mutant(
        name="learner_counted",
        wrong="What learners hold counts towards the commit as if they were voters.",
        changes=(
            Change("raft/leader.cc",
                   "  const LogIndex agreed(QuorumValue(state_.configuration(), "
                   "[this](ReplicaId replica) {",
                   "  Configuration counted = state_.configuration();\n"
                   "  for (const Member& learner : counted.learners) "
                   "counted.voters.push_back(learner);\n"
                   "  const LogIndex agreed(QuorumValue(counted, [this](ReplicaId replica) {"),
        ),
        expected=("without the agreement of a quorum",)),
    Mutant(
        name="half_commits",
        wrong="Half of an even number of voters commits an entry.",
        changes=(
            Change("raft/quorum.cc",
                   "static_cast<std::ptrdiff_t>(values.size() / 2);",
                   "static_cast<std::ptrdiff_t>((values.size() - 1) / 2);"),
        ),
        expected=("without the agreement of a quorum",)),
    Mutant(
        name="joint_commit_by_one_half",
        wrong="In a joint configuration the new voters alone commit.",
        changes=(
            Change("raft/quorum.cc",
                   "  return std::min(MajorityValue(configuration.voters, value_of),\n"
                   "                  MajorityValue(configuration.voters_outgoing, value_of));",
                   "  return MajorityValue(configuration.voters, value_of);"),
        ),
        expected=("without the agreement of a quorum",),
        worlds=("cluster", "raft")),
    Mutant(
        name="leader_counts_itself_too_early",
        wrong="A leader counts itself for entries that its own disk does not have yet.",
        changes=(
            Change("raft/leader.cc",
                   "return state_.persistence().durable().value();",
                   "return state_.log().last_index().value();"),
        ),
        expected=("leader completeness", "without the agreement of a quorum"),
        worlds=("cluster", "raft")),
    Mutant(
        name="removed_voter_counted",
        wrong="A voter that was removed counts until the leader has forgotten it.",
        changes=(
            Change("raft/leader.cc",
                   "  const LogIndex agreed(QuorumValue(state_.configuration(), "
                   "[this](ReplicaId replica) {",
                   "  Configuration counted = state_.configuration();\n"
                   "  for (const Peer& peer : peers_) {\n"
                   "    if (peer.removed_at.has_value()) "
                   "counted.voters.push_back(peer.progress.member());\n"
                   "  }\n"
                   "  const LogIndex agreed(QuorumValue(counted, [this](ReplicaId replica) {"),
        ),
        expected=("without the agreement of a quorum",),
        worlds=("cluster", "raft")),
    Mutant(
        name="configuration_counts_from_commit_on",
        wrong="A new configuration takes effect when it is committed, not when it is appended.",
        changes=(
            Change("raft/leader.cc",
                   "  const LogIndex agreed(QuorumValue(state_.configuration(), "
                   "[this](ReplicaId replica) {",
                   "  const Configuration& counted = "
                   "state_.configurations().Settled(state_.log().commit());\n"
                   "  const LogIndex agreed(QuorumValue(counted, [this](ReplicaId replica) {"),
        ),
        expected=("without the agreement of a quorum",),
        worlds=("cluster", "raft")),
]

"""Linearizable reads without log entries (Raft thesis 6.4), and stale ones that say how stale."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="read_without_a_quorum",
        wrong="A leader answers reads without asking whether it still leads.",
        changes=(
            Change("raft/leader_reads.cc",
                   "    return peer == nullptr ? 0 : peer->progress.acknowledged();\n",
                   "    return peer == nullptr ? 0 : reads_.counter();\n"),
        ),
        expected=("not linearizable", "versions"),
        worlds=("cluster", "raft")),
    Mutant(
        name="read_before_the_own_term_commits",
        wrong="A new leader answers reads before it knows what its predecessor committed.",
        changes=(
            Change("raft/leader_reads.cc",
                   "  const ReadId read = state_.NextReadId();\n  if (OwnTermIsCommitted()) {",
                   "  const ReadId read = state_.NextReadId();\n  if (reads_.counter() + 1 > 0) {"),
            Change("raft/leader_reads.cc",
                   "  } else if (OwnTermIsCommitted()) {",
                   "  } else if (reads_.counter() + 1 > 0) {"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="follower_reads_without_asking",
        wrong="A follower answers a linearizable read from what it has.",
        changes=(
            Change("node/replica_requests.cc",
                   "if (read.request.level == ReadLevel::kLinearizable) {",
                   "if (read.request.level == ReadLevel::kLinearizable && IsLeader()) {"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="any_answer_confirms_a_round",
        wrong="An answer to an older message confirms the newest round of reads (etcd#20418).",
        changes=(
            Change("raft/leader_reads.cc",
                   "progress.OnHeard(counter <= reads_.counter() ? counter : 0);",
                   "progress.OnHeard(counter <= reads_.counter() ? reads_.counter() : 0);"),
        ),
        expected=("not linearizable", "versions"),
        worlds=("cluster", "raft")),
    Mutant(
        name="read_joins_a_round_under_way",
        wrong="A read is confirmed by a round that began before it came.",
        changes=(
            Change("raft/read_queue.cc",
                   "waiting_.push_back({reader, commit, counter_ + 1});",
                   "waiting_.push_back({reader, commit, counter_ + (counter_ == 0 ? 1 : 0)});"),
        ),
        expected=("not linearizable", "versions"),
        worlds=("cluster", "raft")),
    Mutant(
        name="read_before_the_state_is_there",
        wrong="A confirmed read is executed before the state has reached its index.",
        changes=(
            Change("node/pending_reads.cc",
                   "while (!confirmed_.empty() && confirmed_.begin()->first <= applied) {",
                   "while (!confirmed_.empty() && applied >= LogIndex()) {"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="stale_lag_understated",
        wrong="A stale read calls a state fresh that has yet to reach the confirmed index.",
        changes=(
            Change("node/freshness.cc",
                   "  if (index <= applied) {",
                   "  if (index <= applied || !waiting_.has_value()) {"),
        ),
        expected=("stale",)),
]

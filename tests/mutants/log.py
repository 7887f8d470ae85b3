"""Replication: whose entries are in whose log (Raft thesis 3.5)."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="no_truncation_on_conflict",
        wrong="A follower keeps an entry that conflicts with the leader's, and acknowledges.",
        changes=(
            Change("raft/member_state.cc",
                   "return !log_.Contains({entry.index, entry.term});",
                   "return entry.index > log_.last_index();"),
        ),
        expected=("the states of machines", "log matching", "CHECK failed")),
    Mutant(
        name="truncation_on_a_short_append",
        wrong="A late append without news cuts off what came after it.",
        changes=(
            Change("raft/member_state.cc",
                   "  if (news == entries.end()) return;\n",
                   "  if (news == entries.end()) {\n"
                   "    if (entries.empty() || entries.back().index < log_.commit() ||\n"
                   "        entries.back().index >= log_.last_index()) {\n"
                   "      return;\n"
                   "    }\n"
                   "    const LogIndex end = entries.back().index.next();\n"
                   "    log_.TruncateFrom(end);\n"
                   "    if (configurations_.active_index() >= end) "
                   "configurations_.TruncateFrom(end);\n"
                   "    persistence_.OnAppended(end);\n"
                   "    return;\n"
                   "  }\n"),
        ),
        expected=("persistence: its log ends", "heartbeat.commit")),
    Mutant(
        name="previous_term_not_checked",
        wrong="A follower appends behind any entry at the right index, whatever its term.",
        changes=(
            Change("raft/follower.cc",
                   "if (log.Contains({request.prev_index, request.prev_term})) {",
                   "if (request.prev_index <= log.last_index()) {"),
        ),
        expected=("log matching", "the states of machines", "CHECK failed")),
    Mutant(
        name="probe_beyond_the_hint",
        wrong="A refused leader tries again one entry behind the place that the follower named.",
        changes=(
            Change("raft/progress.cc",
                   "next_ = std::max(std::min(refused, hint.next()), match_.next());",
                   "next_ = std::max(hint.next().next(), match_.next());"),
        ),
        expected=("liveness",)),
    Mutant(
        name="refused_entries_acknowledged",
        wrong="A follower that cannot place an append acknowledges it all the same.",
        changes=(
            Change("raft/follower.cc",
                   "    Reject(leader, request);\n",
                   "    state_.SendWhenDurable(leader, log.last_index(),\n"
                   "                           AppendResponse{request.prev_index, "
                   "request.read_counter, std::nullopt});\n"),
        ),
        expected=("heartbeat.commit", "persistence: its log ends", "leader completeness")),
]

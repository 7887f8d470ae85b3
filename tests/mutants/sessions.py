"""Exactly-once writes (Raft thesis 6.3)."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="answer_not_recorded",
        wrong="A write's answer is not kept, so a repeated write takes effect again.",
        changes=(
            Change("kv/sessions.cc",
                   "  const size_t offset = session->new_answers_.size();\n",
                   "  const size_t offset = session->new_answers_.size();\n"
                   "  if (sequence > 0) return;\n"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="sessions_lost_at_restart",
        wrong="A state that is opened again, or came as a snapshot, knows no sessions.",
        changes=(
            Change("kv/state_machine.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(machine->LoadSessions(state));\n", ""),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="answers_lost_at_restart",
        wrong="A state that is opened again knows its sessions, but not what they were answered.",
        changes=(
            Change("kv/sessions.cc",
                   "    answers.erase(answers.begin(), FindSequence(answers, "
                   "session.acknowledged_below_));\n",
                   "    answers.clear();\n"),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="answer_dropped_too_early",
        wrong="The answer to the oldest write that is not acknowledged is dropped as well.",
        changes=(
            Change("kv/sessions.cc",
                   "answers.front().sequence < below) {",
                   "answers.front().sequence <= below) {"),
            Change("kv/sessions.cc",
                   "  if (below <= session->acknowledged_below_) return;\n",
                   "  if (below < session->acknowledged_below_) return;\n"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="forgotten_sequence_executed",
        wrong="A late copy of a write whose answer was dropped takes effect again.",
        changes=(
            Change("kv/state_machine.cc",
                   "  if (identity.sequence < session->acknowledged_below()) {",
                   "  if (identity.sequence + 1000 < session->acknowledged_below()) {"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="order_of_use_lost_at_restart",
        wrong="After a restart another session goes when there are too many.",
        changes=(
            Change("kv/sessions.cc",
                   "    return std::tie(a.used_entry_, a.used_position_) < "
                   "std::tie(b.used_entry_, b.used_position_);",
                   "    return std::tie(a.used_entry_, a.used_position_) > "
                   "std::tie(b.used_entry_, b.used_position_);"),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="session_time_lost_at_restart",
        wrong="The time by which sessions expire begins anew with each restart.",
        changes=(
            Change("kv/replica_rows.cc",
                   "  state->session_time = TakeDuration(in);\n", "  (void)TakeDuration(in);\n"),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="repeated_failure_reported_as_success",
        wrong="A repeated write whose condition did not hold is answered with success.",
        changes=(
            Change("kv/state_machine.cc",
                   "    answer->replayed = true;\n",
                   "    answer->replayed = true;\n    answer->code = ResultCode::kOk;\n"),
        ),
        expected=("not linearizable", "versions")),
]

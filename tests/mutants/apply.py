"""The state machine: every entry once, whole, and the same everywhere; and what callers hear."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="applied_index_in_a_batch_of_its_own",
        wrong="How far the state has come is written after the state, in a second batch.",
        changes=(
            Change("kv/state_machine.cc",
                   "  rows.Put(AppliedRowKey(), EncodeAppliedRow(applied_));\n", ""),
            Change("node/applier.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(holder.batch, "
                   "state.index));\n",
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(holder.batch, "
                   "state.index));\n"
                   "  storage::WriteBatch second;\n"
                   "  second.Put(kv::AppliedRowKey(), kv::EncodeAppliedRow(state));\n"
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(second, state.index));\n"),
            Change("node/applier.cc",
                   "#include \"base/status_macros.h\"\n",
                   "#include \"base/status_macros.h\"\n#include \"kv/rows.h\"\n"),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="entry_applied_in_halves",
        wrong="The rows of an entry reach the engine in two steps, a crash may fall between.",
        changes=(
            Change("node/applier.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(holder.batch, "
                   "state.index));\n",
                   "  storage::WriteBatch halves[2];\n"
                   "  bool second = false;\n"
                   "  for (const auto& operation : holder.batch.operations()) {\n"
                   "    storage::WriteBatch& half = halves[second ? 1 : 0];\n"
                   "    if (operation.value.has_value()) {\n"
                   "      half.Put(operation.key, *operation.value);\n"
                   "    } else {\n"
                   "      half.Delete(operation.key);\n"
                   "    }\n"
                   "    second = true;\n"
                   "  }\n"
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(halves[1], state.index));\n"
                   "  FLOTILLA_RETURN_IF_ERROR(holder.engine->Write(halves[0], state.index));\n"),
        ),
        expected=("the states of machines",)),
    Mutant(
        name="entry_applied_twice_after_restart",
        wrong="After a restart the last entry that was applied is applied once more.",
        changes=(
            Change("node/replica_start.cc",
                   "  start.raft.applied = state.machine->applied().index;\n",
                   "  start.raft.applied =\n"
                   "      std::max(group.snapshot.index, "
                   "state.machine->applied().index.prev());\n"),
            Change("kv/state_machine.cc",
                   "    FLOTILLA_CHECK_EQ(entry.index, applied_.index.next());\n", ""),
            Change("storage/map_engine.cc",
                   "  FLOTILLA_CHECK_GE(applied, applied_);\n", ""),
            Change("kv/sessions.cc", "  FLOTILLA_CHECK_GT(entry, entry_);\n", ""),
        ),
        expected=("goes back", "the states of machines", "CHECK failed")),
    Mutant(
        name="write_does_not_see_the_one_before",
        wrong="Within one round of applying, a command sees the state as of its beginning.",
        changes=(
            Change("kv/pending_rows.cc",
                   "  if (at == index_.end()) return below_.Get(key);\n",
                   "  if (at == index_.end() || at != index_.end()) return below_.Get(key);\n"),
        ),
        expected=("the states of machines", "not linearizable", "versions", "CHECK failed")),
    Mutant(
        name="cas_not_atomic",
        wrong="A compare-and-swap compares with any value that is there.",
        changes=(
            Change("kv/data_operations.cc",
                   "return row.has_value() && row->value == condition.value;",
                   "return row.has_value() && !condition.value.empty();"),
        ),
        expected=("not linearizable",)),
    Mutant(
        name="batch_half_applied",
        wrong="A batch that fails leaves behind what its first operations did.",
        changes=(
            Change("kv/data_operations.cc",
                   "      failure.failed_operation = static_cast<uint32_t>(all.nested.size());\n",
                   "      failure.failed_operation = static_cast<uint32_t>(all.nested.size());\n"
                   "      revision_ = revision;\n"
                   "      rows_.Append(std::move(batch));\n"),
        ),
        expected=("not linearizable",)),
    Mutant(
        name="delete_leaves_the_row",
        wrong="A deleted row is still there after the next restart.",
        changes=(
            Change("kv/data_operations.cc",
                   "  rows_.Delete(DataRowKey(keyspace_, del.key));\n", ""),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="version_given_twice",
        wrong="Two writes of a shard get the same version.",
        changes=(
            Change("kv/data_operations.cc",
                   "  const uint64_t version = ++revision_;\n",
                   "  const uint64_t version = ++revision_ / 2 + 1;\n"),
        ),
        expected=("versions",)),
    Mutant(
        name="unknown_reported_as_not_applied",
        wrong="Who waits for a write when leadership is lost hears that it did not happen.",
        changes=(
            Change("node/replica.cc",
                   "  writes_.FailProposed(LeadershipLost(Outcome::kUnknown));\n",
                   "  writes_.FailProposed(LeadershipLost(Outcome::kNotApplied));\n"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="late_write_reported_as_not_applied",
        wrong="A write that is under way at its deadline is reported as one that did not happen.",
        changes=(
            Change("node/pending_writes.cc",
                   "Fail(write, DeadlineExceeded(Outcome::kUnknown));",
                   "Fail(write, DeadlineExceeded(Outcome::kNotApplied));"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="acknowledged_before_applied",
        wrong="A write is answered with success when its deadline comes, applied or not.",
        changes=(
            Change("node/pending_writes.cc",
                   "Fail(write, DeadlineExceeded(Outcome::kUnknown));",
                   "write.Answer({.error = {}, .result = {.version = 1}});"),
        ),
        expected=("not linearizable", "versions")),
]

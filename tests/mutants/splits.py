"""One shard becomes two: who owns what, and what each half begins with."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="parent_serves_after_the_split",
        wrong="The parent gives nothing up, so that two shards serve the same slots.",
        changes=(
            Change("kv/state_machine.cc",
                   "  own.arc.last.value = split.at.value - 1;\n", ""),
        ),
        expected=("has no owner, or more than one", "not linearizable", "versions")),
    Mutant(
        name="read_of_what_was_given_up",
        wrong="A read is served from rows that the shard no longer owns.",
        changes=(
            Change("kv/read.cc",
                   "return arc.IsWholeRing() || arc.Contains(sharding::SlotOf(key));",
                   "return arc.first <= arc.last || key.empty();"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="split_without_a_new_version",
        wrong="Both halves keep the version that the whole had.",
        changes=(
            Change("kv/state_machine.cc", "  ++own.version;\n", ""),
        ),
        expected=("has another arc for version",)),
    Mutant(
        name="sessions_lost_in_a_split",
        wrong="A child does not know the sessions of its parent.",
        changes=(
            Change("kv/state_machine.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(machine->LoadSessions(state));\n",
                   "  if (!machine->applied().IsNewborn()) "
                   "FLOTILLA_RETURN_IF_ERROR(machine->LoadSessions(state));\n"),
        ),
        expected=("the states of machines", "not linearizable")),
    Mutant(
        name="versions_begin_anew_in_a_child",
        wrong="A child gives out versions that its parent has given out before.",
        changes=(
            Change("kv/replica_rows.cc",
                   "  child.last_split.reset();\n",
                   "  child.last_split.reset();\n  child.revision = 0;\n"),
        ),
        expected=("data row is malformed", "versions", "not linearizable")),
    Mutant(
        name="child_log_begins_late",
        wrong="A child's log begins one entry behind its state.",
        changes=(
            Change("node/replica_split.cc",
                   "  start.raft.snapshot = applied_.Meta();\n",
                   "  start.raft.snapshot = applied_.Meta();\n  ++start.raft.snapshot.index;\n"),
        ),
        expected=("CHECK failed", "stopped itself", "does not start")),
    Mutant(
        name="child_copied_before_the_flush",
        wrong="The copy that becomes the child's state lacks what was not flushed.",
        changes=(
            Change("node/replica_split.cc",
                   "  if (!flushed) return;\n", "  (void)flushed;\n"),
        ),
        expected=("stopped itself", "the states of machines")),
    Mutant(
        name="draft_named_before_it_is_durable",
        wrong="The child's replica is named in the log before its state is durable.",
        changes=(
            Change("node/child_preparation.cc",
                   "  if (durable.index < index) return std::nullopt;\n", "  (void)index;\n"),
        ),
        expected=("stopped itself",)),
    Mutant(
        name="draft_of_what_was_flushed_before",
        wrong="The draft of a child lacks what was applied and not flushed when it was begun.",
        changes=(
            Change("node/replica_split.cc",
                   "  if (EnsureFlushed(*upto)) child_.Flushed();\n", "  child_.Flushed();\n"),
        ),
        expected=("CHECK failed",)),
    Mutant(
        name="child_made_twice",
        wrong="A replica that began empty is replaced by the one that its parent's replica makes.",
        changes=(
            Change("node/replica.h",
                   "    return applied_.index > index || "
                   "(applied_.index == index && !OwesChild());\n",
                   "    return applied_.index >= index;\n"),
            Change("node/replica_split.cc",
                   "         !context_.is_settled(applied_.last_split->child.shard, "
                   "self_.replica);\n",
                   "         (making_child_ || !context_.is_settled("
                   "applied_.last_split->child.shard, self_.replica));\n"),
            Change("node/node_replicas.cc",
                   "  if (IsSettled(child, start.raft.self.replica) || "
                   "!starting_.emplace(child, nullptr).second) {\n",
                   "  if (!starting_.emplace(child, nullptr).second) {\n"),
        ),
        expected=("heartbeat.commit", "persistence", "CHECK failed", "liveness")),
    Mutant(
        name="sweep_in_the_entry_of_the_split",
        wrong="A sweep behind a split in one entry deletes what the child is yet to be made of.",
        changes=(
            Change("kv/state_machine.cc",
                   "  if (!applied_.sweep_from.has_value() || applied_.StandsAtSplit()) "
                   "return result;\n",
                   "  if (!applied_.sweep_from.has_value()) return result;\n"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="hot_slot_cut_free_of_nothing",
        wrong="A shard of which one slot has all the load is split, and its halves again.",
        changes=(
            Change("sharding/shard_split.cc",
                   "  if (!helps) return std::nullopt;\n", "  (void)helps;\n"),
        ),
        expected=("leaves a side without any",)),
    Mutant(
        name="load_of_the_whole_counts_for_its_half",
        wrong="What was measured of a shard before it was split counts for what is left of it.",
        changes=(
            Change("node/load_watch.cc",
                   "    measured = {.shard_version = claim.descriptor.version};\n",
                   "    measured.shard_version = claim.descriptor.version;\n"),
        ),
        expected=("was not measured since it is so", "leaves a side without any")),
    Mutant(
        name="sweep_deletes_owned_keys",
        wrong="The clean-up takes the first slot of the arc for a neighbour's.",
        changes=(
            Change("kv/state_machine.cc",
                   "if (applied_.descriptor.arc.Contains(sharding::SlotOf(UserKey(row_key)))) {",
                   "const sharding::Slot slot = sharding::SlotOf(UserKey(row_key));\n"
                   "    if (applied_.descriptor.arc.Contains(slot) && "
                   "slot != applied_.descriptor.arc.first) {"),
        ),
        expected=("not linearizable", "versions")),
]

"""Snapshots, and the log that they make superfluous (Raft thesis 5)."""

from mutants import NO_SELF_CHECK, Change, Mutant

MUTANTS = [
    Mutant(
        name="snapshot_moves_state_backwards",
        wrong="A snapshot is installed although the state is further already.",
        changes=(
            Change("raft/core_impl.cc",
                   "  return meta.index > state_.log().commit() && "
                   "!state_.log().Contains({meta.index, meta.term});",
                   "  return meta.index > state_.log().base().index;"),
            Change("raft/core_impl.cc",
                   "  if (meta.index <= state_.log().commit()) {",
                   "  if (meta.index <= state_.log().base().index) {"),
            Change("raft/raft_log.cc", "  FLOTILLA_CHECK_GT(base.index, commit_);\n", ""),
            NO_SELF_CHECK,
        ),
        expected=("goes back",)),
    Mutant(
        name="snapshot_over_what_is_there",
        wrong="A snapshot that the core refuses is put in the state's place all the same.",
        changes=(
            Change("raft/core_impl.cc",
                   "  return meta.index > state_.log().commit() && "
                   "!state_.log().Contains({meta.index, meta.term});",
                   "  return meta.index > state_.log().base().index;"),
        ),
        expected=("is older than the commit",)),
    Mutant(
        name="snapshot_live_before_durable",
        wrong="A snapshot is live, and the old state gone, before the log names it.",
        changes=(
            Change("node/replica_install.cc",
                   "  context_.log.Append(shard_, std::move(record),\n"
                   "                      Alive([this, replaced = generation_] "
                   "{ OnSnapshotDurable(replaced); }));\n",
                   "  context_.log.Append(shard_, std::move(record), [] {});\n"
                   "  OnSnapshotDurable(generation_);\n"),
        ),
        expected=("persistence", "the replica stopped itself", "CHECK failed")),
    Mutant(
        name="conflicting_suffix_survives_snapshot",
        wrong="What follows a snapshot's index in the log stays, whether it belongs there or not.",
        changes=(
            Change("raft/raft_log.cc",
                   "  if (Contains(base)) {\n    base_offset_ = EndOffset(base.index);",
                   "  if (base.index <= last_index()) {\n"
                   "    base_offset_ = EndOffset(base.index);"),
        ),
        expected=("log matching", "CHECK failed"),
        worlds=("raft", "cluster")),
    Mutant(
        name="log_forgotten_before_state_durable",
        wrong="The log forgets entries that the engine has applied, but not made durable.",
        changes=(
            Change("node/replica_storage.cc",
                   "LogIndex upto = std::min(durable_.index, core_.CompactionHint());",
                   "LogIndex upto = std::min(applied_.index, core_.CompactionHint());"),
        ),
        expected=("the replica stopped itself", "liveness")),
    Mutant(
        name="snapshot_files_not_synced",
        wrong="The files of a received snapshot are named by the log before they are durable.",
        changes=(
            Change("storage/snapshot_files.cc",
                   "    FLOTILLA_RETURN_IF_ERROR(open_file_->Sync());\n", ""),
            Change("storage/map_state_store.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(Synced(file->Sync()));\n"
                   "  FLOTILLA_RETURN_IF_ERROR(Synced(disk_.SyncDir(folder_)));\n"
                   "  FLOTILLA_ASSIGN_OR_RETURN(",
                   "  FLOTILLA_ASSIGN_OR_RETURN("),
        ),
        expected=("the replica stopped itself", "liveness")),
    Mutant(
        name="snapshot_over_work_under_way",
        wrong="A snapshot becomes live while entries are still being written and applied.",
        changes=(
            Change("node/replica.cc",
                   "  if (install_.has_value() && !installing_ && quiet) BeginInstall();",
                   "  (void)quiet;\n"
                   "  if (install_.has_value() && !installing_) BeginInstall();"),
        ),
        expected=("CHECK failed", "goes back", "the states of machines")),
    Mutant(
        name="log_never_forgotten",
        wrong="The log is never compacted.",
        changes=(
            Change("node/replica_storage.cc",
                   "  if (upto >= compacted_ + context_.options.compact_log_entries) "
                   "Compact(upto);\n",
                   "  if (upto < compacted_) Compact(upto);\n"),
            Change("node/replica_storage.cc",
                   "  if (compacted_ < durable_.index) {\n",
                   "  if (durable_.index < compacted_) {\n"),
        ),
        expected=("liveness: the log of",)),
    Mutant(
        name="snapshot_resumed_where_the_sender_was",
        wrong="After an interruption the sender goes on behind what the receiver lacks.",
        changes=(
            Change("node/snapshot_sender.cc",
                   "  if (offset < transfer.acknowledged) transfer.next = offset;\n", ""),
            Change("node/snapshot_sender.cc",
                   "      if (!transfer.busy) transfer.next = transfer.acknowledged;\n", ""),
            Change("node/snapshot_sender.cc",
                   "  transfer.next = transfer.acknowledged;\n"
                   "  const LogIndex index", "  const LogIndex index"),
        ),
        expected=("liveness",)),
    Mutant(
        name="snapshot_of_another_goes_on",
        wrong="The bytes of one snapshot are taken for the rest of another.",
        changes=(
            Change("node/snapshot_receiver.cc",
                   "  return transfer_->id == offer.transfer && "
                   "transfer_->from == offer.from.node &&\n"
                   "         transfer_->manifest == manifest;",
                   "  return offer.group == group_ && manifest.group == group_;"),
            Change("node/snapshot_receiver.cc",
                   "      transfer_->term = std::max(transfer_->term, offer.term);\n",
                   "      transfer_->term = std::max(transfer_->term, offer.term);\n"
                   "      transfer_->id = offer.transfer;\n"
                   "      transfer_->from = offer.from.node;\n"),
        ),
        expected=("received what it cannot use", "liveness")),
    Mutant(
        name="queued_snapshot_never_begins",
        wrong="Whoever waits for a snapshot's slot waits for ever.",
        changes=(
            Change("node/transfer_slots.cc",
                   "    --state_->taken;\n    state_->GrantNext();\n",
                   "    --state_->taken;\n"),
        ),
        expected=("liveness",)),
]

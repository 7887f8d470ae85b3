"""What must be durable before somebody is told."""

from mutants import Change, Mutant

SYNC = "  FLOTILLA_RETURN_IF_ERROR(job.file->Sync());\n"

MUTANTS = [
    Mutant(
        name="acknowledged_before_sync",
        wrong="Records count as durable once they are written, synced or not.",
        changes=(Change("storage/log_write_job.cc", SYNC, ""),),
        expected=("persistence", "votes twice in term", "leader completeness")),
    Mutant(
        name="sync_error_ignored",
        wrong="A sync that fails counts as one that did not.",
        changes=(
            Change("storage/log_write_job.cc", SYNC, "  job.file->Sync().IgnoreError();\n"),
        ),
        expected=("persistence", "votes twice in term", "leader completeness")),
    Mutant(
        name="sync_retried",
        wrong="A sync that fails is tried again, which says nothing about what it had to write.",
        changes=(
            Change("storage/log_write_job.cc", SYNC,
                   "  if (!job.file->Sync().ok()) "
                   "FLOTILLA_RETURN_IF_ERROR(job.file->Sync());\n"),
        ),
        expected=("persistence", "votes twice in term", "leader completeness")),
    Mutant(
        name="write_error_ignored",
        wrong="A write that fails counts as one that did not.",
        changes=(
            Change("storage/log_write_job.cc",
                   "  FLOTILLA_RETURN_IF_ERROR(job.file->Write(job.offset, job.bytes));\n",
                   "  job.file->Write(job.offset, job.bytes).IgnoreError();\n"),
        ),
        expected=("persistence", "votes twice in term", "leader completeness")),
    Mutant(
        name="folder_not_synced",
        wrong="A new segment's name is not made durable before records in it are acknowledged.",
        changes=(
            Change("storage/log_write_job.cc",
                   "  return disk.SyncDir(rotation.folder);\n", "  return absl::OkStatus();\n"),
        ),
        expected=("persistence", "votes twice in term", "leader completeness")),
    Mutant(
        name="footer_not_synced",
        wrong="A segment has a successor before the footer that ends it is durable.",
        changes=(
            Change("storage/log_write_job.cc",
                   "    FLOTILLA_RETURN_IF_ERROR(rotation.old_file->Sync());\n", ""),
        ),
        expected=("suspect", "stopped itself")),
    Mutant(
        name="append_answered_before_durable",
        wrong="A follower acknowledges entries before its disk has them.",
        changes=(
            Change("raft/follower.cc",
                   "state_.SendWhenDurable(leader, last, AppendResponse{last, "
                   "request.read_counter, std::nullopt});",
                   "state_.Send(leader, AppendResponse{last, request.read_counter, "
                   "std::nullopt});"),
        ),
        expected=("persistence",)),
    Mutant(
        name="applied_before_durable",
        wrong="A leader applies entries that its own disk does not have.",
        changes=(
            Change("raft/member_state.cc",
                   "  return log_.TakeCommitted(ApplyLimit(), options.max_apply_batch_bytes);",
                   "  return log_.TakeCommitted(log_.last_index(), "
                   "options.max_apply_batch_bytes);"),
            Change("raft/member_state.h",
                   "  bool HasCommitted() const { return log_.HasCommitted(ApplyLimit()); }",
                   "  bool HasCommitted() const { return "
                   "log_.HasCommitted(log_.last_index()); }"),
            Change("raft/invariants.cc",
                   "  FLOTILLA_CHECK_LE(view.applying, view.durable);\n", ""),
        ),
        expected=("applies what is not durable",)),
]

#include "storage/log_group_commit.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/durable_folder.h"
#include "storage/log_records.h"
#include "storage/log_replay.h"

namespace flotilla::storage {

namespace {

// What is rewritten is held in memory; a group with more than this has to be compacted instead.
constexpr uint64_t kRewriteBytesMax = 256ull << 20;

void LogRecovery(const RecoveredLog& log, Logger& logger) {
  logger.Info("log_recovered", {{"segments", log.segments.size()},
                                {"bytes", log.segments.bytes()},
                                {"groups", log.recovery.groups.size()},
                                {"last_lsn", log.last_lsn},
                                {"torn_bytes", log.recovery.torn_bytes}});
  for (const RecoveredGroup& group : log.recovery.groups) {
    if (!group.suspect) continue;
    logger.Error("log_group_suspect", {{"group", group.group}, {"replica", group.replica}});
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Log>> Log::Open(const LogOptions& options, Disk& disk, Clock& clock,
                                               Executor& home, SequenceSource& sequences,
                                               Random random, Logger& logger,
                                               absl::AnyInvocable<void(absl::Status)> on_fatal,
                                               Recovery* recovery) {
  FLOTILLA_CHECK_GE(options.segment_bytes, 3 * kLogBlockBytes);
  FLOTILLA_ASSIGN_OR_RETURN(RecoveredLog recovered, ReadLog(options, disk));
  FLOTILLA_RETURN_IF_ERROR(disk.CreateFolder(options.folder));
  FLOTILLA_RETURN_IF_ERROR(SyncFolderAndParents(disk, options.folder));
  FLOTILLA_RETURN_IF_ERROR(CloseRecoveredLog(options, disk, recovered));
  LogRecovery(recovered, logger);
  *recovery = std::move(recovered.recovery);
  return std::make_unique<GroupCommitLog>(options, disk, clock, home, sequences, random, logger,
                                          std::move(on_fatal), std::move(recovered));
}

GroupCommitLog::GroupCommitLog(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
                               SequenceSource& sequences, Random random, Logger& logger,
                               absl::AnyInvocable<void(absl::Status)> on_fatal,
                               RecoveredLog recovered)
    : options_(options),
      disk_(disk),
      logger_(logger),
      groups_(std::move(recovered.groups)),
      segments_(std::move(recovered.segments)),
      writer_(options, disk, clock, home, sequences, random, logger, recovered, segments_,
              {.first_needed = [this] { return FirstNeeded(); },
               .durable = [this] { OnDurable(); },
               .fatal = std::move(on_fatal)}),
      read_sequence_(sequences.NewSequence(SequenceSource::Use::kRead, home)) {
  // A suspicion must outlive the damaged segment that caused it. It rides along with the first
  // batch, which can release that segment at the earliest.
  for (auto& [id, group] : groups_) {
    if (group.suspect()) WriteRewrite(id, {}, group, writer_.queue());
  }
}

void GroupCommitLog::Append(ShardId group, LogRecord record, Task durable) {
  if (writer_.stopped()) return;
  std::visit([&](auto& r) { Record(group, std::move(r), std::move(durable)); }, record);
}

void GroupCommitLog::Record(ShardId id, const AppendRecord& record, Task durable) {
  LogGroup& group = groups_[id];
  const Lsn oldest = group.OldestLsn();
  WriteAppend(id, record, group, writer_.queue());
  // Entries were overwritten, the group's oldest ones among them.
  if (group.OldestLsn() != oldest) superseded_ = true;
  rewrites_.OnAppend(id, record.entries);
  if (record.must_sync) {
    writer_.AddSynced(std::move(durable), std::max<uint64_t>(1, record.entries.size()));
  } else {
    writer_.AddUnsynced(std::move(durable));
  }
}

void GroupCommitLog::Record(ShardId id, CompactRecord record, Task durable) {
  WriteCompact(id, std::move(record), groups_[id], writer_.queue());
  superseded_ = true;
  writer_.AddSynced(std::move(durable), 1);
}

void GroupCommitLog::Record(ShardId id, SnapshotRecord record, Task durable) {
  WriteSnapshot(id, std::move(record), groups_[id], writer_.queue());
  Replaced(id, std::move(durable));
}

void GroupCommitLog::Record(ShardId id, const TombstoneRecord& record, Task durable) {
  WriteTombstone(id, record, groups_[id], writer_.queue());
  Replaced(id, std::move(durable));
}

void GroupCommitLog::Replaced(ShardId id, Task durable) {
  superseded_ = true;
  for (Task& waiting : rewrites_.Finish(id)) writer_.AddSynced(std::move(waiting), 0);
  writer_.AddSynced(std::move(durable), 1);
}

void GroupCommitLog::OnDurable() {
  ReleaseSegments();
  StartReadyRewrites();
}

SegmentNumber GroupCommitLog::FirstNeeded() {
  if (!std::exchange(superseded_, false)) return writer_.first_needed();
  Lsn oldest = writer_.queue().front().lsn;
  for (const auto& [id, group] : groups_) {
    const Lsn lsn = group.OldestLsn();
    if (!lsn.is_none()) oldest = std::min(oldest, lsn);
  }
  return segments_.FirstNeeded(oldest);
}

// Only once a durable batch has said that nobody needs them: recovery then does not miss them, and
// whatever superseded them is durable too (clickhouse#112101).
void GroupCommitLog::ReleaseSegments() {
  std::vector<SegmentNumber> released;
  while (segments_.size() > 1 && segments_.oldest().number < writer_.durable_first_needed() &&
         segments_.oldest().readers == 0) {
    released.push_back(segments_.oldest().number);
    segments_.PopOldest();
  }
  writer_.pool().Recycle(std::move(released));
}

// --- Reading. ------------------------------------------------------------------------------------

struct GroupCommitLog::Read {
  ShardId group;
  std::vector<EntryRun> runs;
  ReadDone done;
  absl::StatusOr<std::vector<raft::Entry>> entries = std::vector<raft::Entry>();
};

absl::StatusOr<std::vector<EntryRun>> GroupCommitLog::Plan(ShardId id, LogIndex first,
                                                           LogIndex last, uint64_t max_bytes) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return absl::NotFoundError("the log knows no group " + ToString(id));
  return PlanReads(found->second, segments_, options_.folder, first, last, max_bytes,
                   writer_.durable_lsn());
}

void GroupCommitLog::ReadEntries(ShardId group, LogIndex first, LogIndex last, size_t max_bytes,
                                 ReadDone done) {
  absl::StatusOr<std::vector<EntryRun>> runs = Plan(group, first, last, max_bytes);
  if (!runs.ok()) {
    read_sequence_->Run(
        [] {}, [status = runs.status(), done = std::move(done)]() mutable { done(status); });
    return;
  }
  const LogGroup& log = groups_.at(group);
  StartRead(group, *std::move(runs),
            [&log, truncations = log.truncations(), done = std::move(done)](auto entries) mutable {
              if (log.truncations() != truncations) {
                entries = absl::NotFoundError("entries were overwritten while they were read");
              }
              done(std::move(entries));
            });
}

absl::StatusOr<std::vector<raft::Entry>> GroupCommitLog::LoadEntries(ShardId group, LogIndex first,
                                                                     LogIndex last) {
  FLOTILLA_ASSIGN_OR_RETURN(std::vector<EntryRun> runs, Plan(group, first, last, UINT64_MAX));
  return ReadRuns(disk_, group, runs);
}

std::optional<RecalledGroup> GroupCommitLog::Recall(ShardId group) const {
  const auto found = groups_.find(group);
  if (found == groups_.end() || !found->second.alive()) return std::nullopt;
  const LogGroup& log = found->second;
  return RecalledGroup{.group = ToRecovered(group, log), .last_index = log.last_index()};
}

void GroupCommitLog::StartRead(ShardId id, std::vector<EntryRun> runs, ReadDone done) {
  for (const EntryRun& run : runs) ++segments_.Get(run.segment).readers;
  auto read = std::make_shared<Read>();
  read->group = id;
  read->runs = std::move(runs);
  read->done = std::move(done);
  read_sequence_->Run(
      [read, &disk = disk_] { read->entries = ReadRuns(disk, read->group, read->runs); },
      [this, read] { FinishRead(*read); });
}

void GroupCommitLog::FinishRead(Read& read) {
  for (EntryRun& run : read.runs) {
    Segment& segment = segments_.Get(run.segment);
    --segment.readers;
    if (segment.read_file == nullptr) segment.read_file = std::move(run.file);
  }
  ReleaseSegments();
  read.done(std::move(read.entries));
}

// --- Rewriting. ----------------------------------------------------------------------------------

std::vector<ShardId> GroupCommitLog::GroupsPinningOldest() const {
  if (segments_.bytes() <= options_.budget_bytes) return {};
  // The newest segment that must go for the rest to fit.
  uint64_t excess = segments_.bytes() - options_.budget_bytes;
  Lsn pinned;
  for (const Segment& segment : segments_.segments()) {
    if (&segment == &segments_.newest()) break;
    pinned = segment.NextLsn();
    if (excess <= segment.file_bytes) break;
    excess -= segment.file_bytes;
  }
  std::vector<std::pair<Lsn, ShardId>> pinning;
  for (const auto& [id, group] : groups_) {
    const Lsn oldest = group.OldestLsn();
    if (!oldest.is_none() && oldest < pinned && !rewrites_.Contains(id)) {
      pinning.emplace_back(oldest, id);
    }
  }
  std::sort(pinning.begin(), pinning.end());
  std::vector<ShardId> groups;
  for (const auto& [oldest, id] : pinning) groups.push_back(id);
  return groups;
}

void GroupCommitLog::Rewrite(ShardId group, Task durable) {
  const auto found = groups_.find(group);
  if (writer_.stopped()) return;
  if (found == groups_.end()) return writer_.AddUnsynced(std::move(durable));
  const LogGroup& log = found->second;
  const Lsn last_entry = log.has_entries() ? log.At(log.last_index()).lsn : Lsn();
  rewrites_.Begin(group, last_entry, std::move(durable));
  StartReadyRewrites();
  Submit();
}

void GroupCommitLog::StartReadyRewrites() {
  for (const Rewrites::Ready& rewrite : rewrites_.TakeReady(writer_.durable_lsn())) {
    const LogGroup& log = groups_.at(rewrite.group);
    if (log.entry_bytes() > kRewriteBytesMax) {
      FinishRewrite(rewrite, absl::FailedPreconditionError("the group is to be compacted first"));
      continue;
    }
    auto runs = Plan(rewrite.group, log.first_index(), log.last_index(), UINT64_MAX);
    // Nothing that is only on the disk.
    if (absl::IsNotFound(runs.status())) {
      FinishRewrite(rewrite, std::vector<raft::Entry>());
    } else if (!runs.ok()) {
      FinishRewrite(rewrite, runs.status());
    } else {
      StartRead(rewrite.group, *std::move(runs),
                [this, rewrite](auto read) { FinishRewrite(rewrite, std::move(read)); });
    }
  }
}

void GroupCommitLog::FinishRewrite(Rewrites::Ready rewrite,
                                   absl::StatusOr<std::vector<raft::Entry>> read) {
  if (writer_.stopped() || !rewrites_.IsCurrent(rewrite)) return;
  LogGroup& group = groups_.at(rewrite.group);
  if (read.ok()) {
    const std::vector<raft::Entry> entries = rewrites_.Merge(rewrite, *std::move(read), group);
    WriteRewrite(rewrite.group, entries, group, writer_.queue());
    superseded_ = true;
  } else {
    logger_.Error("log_rewrite_failed",
                  {{"group", rewrite.group}, {"error", StdView(read.status().message())}});
  }
  for (Task& durable : rewrites_.Finish(rewrite.group)) {
    writer_.queue().Open();
    writer_.AddSynced(std::move(durable), 0);
  }
  Submit();
}

LogStatus GroupCommitLog::Status() const {
  const uint64_t queued = writer_.queued_bytes();
  return {.disk_full = writer_.disk_full(),
          .overloaded = queued > options_.max_queued_bytes,
          .bytes = segments_.bytes(),
          .queued_bytes = queued,
          .durable_lsn = writer_.durable_lsn()};
}

}  // namespace flotilla::storage

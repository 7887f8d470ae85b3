// The implementation of Log: what is known of each group and where its entries lie, on top of the
// write path (LogWriter).
#ifndef FLOTILLA_STORAGE_LOG_GROUP_COMMIT_H_
#define FLOTILLA_STORAGE_LOG_GROUP_COMMIT_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "storage/log.h"
#include "storage/log_entry_reader.h"
#include "storage/log_group.h"
#include "storage/log_recovery.h"
#include "storage/log_rewrites.h"
#include "storage/log_segment_map.h"
#include "storage/log_writer.h"

namespace flotilla::storage {

class GroupCommitLog : public Log {
 public:
  GroupCommitLog(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
                 SequenceSource& sequences, Random random, Logger& logger,
                 absl::AnyInvocable<void(absl::Status)> on_fatal, RecoveredLog recovered);

  void Append(ShardId group, LogRecord record, Task durable) override;
  void Submit() override { writer_.Submit(); }
  void ReadEntries(ShardId group, LogIndex first, LogIndex last, size_t max_bytes,
                   ReadDone done) override;
  absl::StatusOr<std::vector<raft::Entry>> LoadEntries(ShardId group, LogIndex first,
                                                       LogIndex last) override;
  std::optional<RecalledGroup> Recall(ShardId group) const override;
  std::vector<ShardId> GroupsPinningOldest() const override;
  void Rewrite(ShardId group, Task durable) override;
  void Close(Task done) override { writer_.Close(std::move(done)); }
  LogStatus Status() const override;

 private:
  struct Read;

  void Record(ShardId id, const AppendRecord& record, Task durable);
  void Record(ShardId id, CompactRecord record, Task durable);
  void Record(ShardId id, SnapshotRecord record, Task durable);
  void Record(ShardId id, const TombstoneRecord& record, Task durable);
  // After a record that replaces everything of the group.
  void Replaced(ShardId id, Task durable);

  void OnDurable();
  SegmentNumber FirstNeeded();
  void ReleaseSegments();

  absl::StatusOr<std::vector<EntryRun>> Plan(ShardId id, LogIndex first, LogIndex last,
                                             uint64_t max_bytes);
  void StartRead(ShardId id, std::vector<EntryRun> runs, ReadDone done);
  void FinishRead(Read& read);
  void StartReadyRewrites();
  void FinishRewrite(Rewrites::Ready rewrite, absl::StatusOr<std::vector<raft::Entry>> read);

  const LogOptions options_;
  Disk& disk_;
  Logger& logger_;
  // Ordered: what is named first to the outside must not depend on addresses.
  std::map<ShardId, LogGroup> groups_;
  SegmentMap segments_;
  Rewrites rewrites_;
  // Something was superseded since the oldest needed segment was last computed.
  bool superseded_ = true;

  LogWriter writer_;
  // Destroyed first: its job ends before what it works for.
  std::unique_ptr<Sequence> read_sequence_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_GROUP_COMMIT_H_

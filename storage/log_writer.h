// The write path: one batch at a time goes to the disk, and while it is under way the next one
// fills. Decides when a batch goes, where it lies and when a segment is full; the disk calls
// themselves are a WriteJob on the log's sequence, one hop for each batch.
//
//   queue (BatchQueue) --Submit--> WriteJob (write, sync) --> durable --> callbacks
//                                       ^ next segment from SegmentPool
//
// Lives on the home executor, owned by the log. Not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_WRITER_H_
#define FLOTILLA_STORAGE_LOG_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/logger.h"
#include "base/random.h"
#include "storage/log.h"
#include "storage/log_batch_queue.h"
#include "storage/log_recovery.h"
#include "storage/log_segment_map.h"
#include "storage/log_segment_pool.h"
#include "storage/log_write_job.h"

namespace flotilla::storage {

class LogWriter {
 public:
  struct Events {
    // Given all records queued so far, the oldest segment that is needed. Asked when the only batch
    // in the queue is about to be written.
    absl::AnyInvocable<SegmentNumber()> first_needed;
    // Everything up to durable_lsn() is; before the callbacks.
    absl::AnyInvocable<void()> durable;
    absl::AnyInvocable<void(absl::Status)> fatal;  // once
  };

  // Goes on after what was recovered. `segments` outlives the writer, which adds to it.
  LogWriter(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
            SequenceSource& sequences, Random random, Logger& logger, const RecoveredLog& recovered,
            SegmentMap& segments, Events events);
  ~LogWriter();

  // Where records are encoded; then one of these says who waits for them.
  BatchQueue& queue() { return queue_; }
  // `waiting` counts what the record holds for callers.
  void AddSynced(Task durable, uint64_t waiting);
  // Causes no write; `done` runs once all before it are durable.
  void AddUnsynced(Task done);

  // Everything queued now goes to the disk as soon as that is free.
  void Submit();
  // Submits, and vouches for the last batch at once. Runs `done` when all is written, or when what
  // is left cannot be because the disk is full.
  void Close(Task done);

  Lsn durable_lsn() const { return durable_lsn_; }
  // As the last durable batch states it: segments before this one may go.
  SegmentNumber durable_first_needed() const { return durable_first_needed_; }
  // As the next batch will state it, unless it is computed anew.
  SegmentNumber first_needed() const { return first_needed_; }
  SegmentPool& pool() { return pool_; }
  bool disk_full() const { return pool_.disk_full(); }
  // Nothing is accepted any more: closed, or failed.
  bool stopped() const { return failed_ || closing_; }
  bool failed() const { return failed_; }
  uint64_t queued_bytes() const { return queue_.bytes() + in_flight_bytes_; }

 private:
  struct ActiveSegment {
    PreparedSegment segment;
    uint64_t offset = kLogBlockBytes;  // of the next batch
  };

  void MaybeWrite();
  bool MustWaitForCompany(const PendingBatch& batch);
  bool MakeRoom(uint64_t batch_bytes);
  void StartRotation(PreparedSegment next, Lsn first_lsn);
  void StartWrite();
  void OnWritten();
  void ContinueClosing();
  void Fail(const absl::Status& status);

  void ArmMarker(MonoTime when);
  void OnMarkerDue();
  void WriteMarker();

  const LogOptions options_;
  Disk& disk_;
  Clock& clock_;
  Executor& home_;
  SegmentMap& segments_;
  Events events_;

  BatchQueue queue_;
  Lsn submitted_;  // batches up to here may be written
  std::optional<ActiveSegment> active_;

  // Invariant: while writing_, the log's sequence owns in_flight_.
  bool writing_ = false;
  WriteJob in_flight_;
  uint64_t in_flight_bytes_ = 0;
  std::vector<Task> in_flight_callbacks_;

  Lsn durable_lsn_;
  SegmentNumber first_needed_;
  SegmentNumber durable_first_needed_;

  MonoTime last_start_{};
  MonoTime last_end_{};
  // No later batch vouches for the last one yet.
  bool unvouched_ = false;
  TimerId marker_timer_ = 0;
  TimerId round_timer_ = 0;

  bool failed_ = false;
  bool closing_ = false;
  bool final_marker_ = false;
  Task closed_;
  // What was posted finds out by it that the writer is gone.
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);

  SegmentPool pool_;
  // Destroyed first: its job ends before what it works on.
  std::unique_ptr<Sequence> sequence_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_WRITER_H_

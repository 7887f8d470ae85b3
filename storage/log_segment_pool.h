// Prepares the next segment ahead of its use, and takes superseded ones back: recycles a few,
// removes the rest. The slow work (zero-filling, unlinking) runs on a bulk sequence, so the writer
// never waits for it under a steady load.
//
// A full disk is noticed here, before any record is at risk: the pool tries again until space
// returns. Any other failed write or sync is fatal.
//
// Lives on the home executor, owned by the log. Not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_SEGMENT_POOL_H_
#define FLOTILLA_STORAGE_LOG_SEGMENT_POOL_H_

#include <cstdint>
#include <deque>
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
#include "storage/log_format.h"

namespace flotilla::storage {

// A file with a synced header, under a spare name until it is taken into use.
struct PreparedSegment {
  SegmentNumber number;
  uint64_t salt = 0;
  std::string path;
  std::unique_ptr<File> file;
  uint64_t file_bytes = 0;
};

class SegmentPool {
 public:
  struct Events {
    absl::AnyInvocable<void()> changed;  // a segment may be taken, or there is no space for one
    absl::AnyInvocable<void(absl::Status)> failed;  // fatal, once
  };

  // `spares` are paths of files that the pool may use and shall own. The first segment that it
  // prepares has number `next`.
  SegmentPool(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
              SequenceSource& sequences, Random random, Logger& logger, SegmentNumber next,
              std::vector<std::string> spares, Events events);
  ~SegmentPool();

  // Makes sure that a segment of at least `bytes` will be ready. Called again with more bytes, the
  // larger number counts.
  void Prepare(uint64_t bytes);
  // The prepared segment, when there is one of at least `bytes`.
  std::optional<PreparedSegment> Take(uint64_t bytes);
  // Takes files back that nothing needs any more, oldest first.
  void Recycle(std::vector<SegmentNumber> segments);

  // The last attempt to prepare a segment found no space.
  bool disk_full() const { return disk_full_; }

 private:
  struct Preparation;
  struct Recycling;

  static void CarryOut(Disk& disk, Preparation& job);
  static void CarryOut(Disk& disk, const std::string& folder, Recycling& job);
  void StartPreparation();
  void FinishPreparation(Preparation& job);
  void RecycleNext();
  void FinishRecycling(Recycling& job);
  void WaitForSpace(const absl::Status& status);
  void Fail(const absl::Status& status);

  const LogOptions options_;
  Disk& disk_;
  Clock& clock_;
  Executor& home_;
  Random random_;
  Logger& logger_;
  Events events_;

  SegmentNumber next_;
  std::vector<std::string> spares_;
  std::deque<SegmentNumber> superseded_;  // to be recycled, oldest first
  bool recycling_ = false;
  std::optional<PreparedSegment> prepared_;
  uint64_t wanted_bytes_ = 0;
  bool preparing_ = false;
  bool disk_full_ = false;
  bool failed_ = false;
  TimerId retry_ = 0;
  // Destroyed first: its jobs end before what they work for.
  std::unique_ptr<Sequence> sequence_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_SEGMENT_POOL_H_

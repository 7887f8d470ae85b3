#include "storage/log_segment_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

// Kept for reuse; a burst of superseded segments beyond it gives its space back.
constexpr size_t kSparesMax = 2;
constexpr uint64_t kZeroFillBytes = 1 << 20;
// A sync now and then keeps a large fill from standing in the way of the writer's syncs.
constexpr uint64_t kZeroFillSyncBytes = 8 << 20;
constexpr Duration kSpaceRetryDelay = std::chrono::seconds(1);

absl::Status ZeroFill(File& file, uint64_t from, uint64_t to) {
  const std::string zeros(std::min(kZeroFillBytes, to - std::min(from, to)), '\0');
  uint64_t unsynced = 0;
  while (from < to) {
    const uint64_t size = std::min<uint64_t>(zeros.size(), to - from);
    FLOTILLA_RETURN_IF_ERROR(file.Write(from, std::string_view(zeros).substr(0, size)));
    from += size;
    unsynced += size;
    if (unsynced >= kZeroFillSyncBytes) {
      FLOTILLA_RETURN_IF_ERROR(file.Sync());
      unsynced = 0;
    }
  }
  return absl::OkStatus();
}

// A file without space for all of it is of no use: gives back what it took.
absl::Status GiveUp(Disk& disk, const std::string& path, std::unique_ptr<File> file) {
  FLOTILLA_RETURN_IF_ERROR(file->Close());
  return disk.Remove(path);
}

}  // namespace

struct SegmentPool::Preparation {
  SegmentHeader header;
  std::string path;
  uint64_t bytes = 0;
  std::string folder;

  absl::Status status;
  std::unique_ptr<File> file;
};

struct SegmentPool::Recycling {
  SegmentNumber segment;
  bool keep = false;  // as a spare

  absl::Status status;
  std::string spare;
};

SegmentPool::SegmentPool(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
                         SequenceSource& sequences, Random random, Logger& logger,
                         SegmentNumber next, std::vector<std::string> spares, Events events)
    : options_(options),
      disk_(disk),
      clock_(clock),
      home_(home),
      random_(random),
      logger_(logger),
      events_(std::move(events)),
      next_(next),
      spares_(std::move(spares)),
      sequence_(sequences.NewSequence(SequenceSource::Use::kBulk, home)) {}

SegmentPool::~SegmentPool() { home_.Cancel(retry_); }

void SegmentPool::Prepare(uint64_t bytes) {
  wanted_bytes_ = std::max({wanted_bytes_, bytes, options_.segment_bytes});
  if (prepared_.has_value() && prepared_->file_bytes < wanted_bytes_) {
    spares_.push_back(prepared_->path);
    prepared_.reset();
  }
  if (!prepared_.has_value() && !preparing_ && retry_ == 0 && !failed_) StartPreparation();
}

std::optional<PreparedSegment> SegmentPool::Take(uint64_t bytes) {
  if (!prepared_.has_value() || prepared_->file_bytes < bytes) return std::nullopt;
  std::optional<PreparedSegment> taken = std::exchange(prepared_, std::nullopt);
  wanted_bytes_ = 0;
  ++next_;
  return taken;
}

void SegmentPool::StartPreparation() {
  preparing_ = true;
  auto job = std::make_shared<Preparation>();
  job->header = {.node = options_.node,
                 .incarnation = options_.incarnation,
                 .number = next_,
                 // Never zero, which is what untouched blocks hold, and of the number besides, so
                 // that no two segments share it even if their random streams should be the same.
                 .salt = (random_.Next() + next_.value() * 0x9e3779b97f4a7c15) | 1};
  job->bytes = wanted_bytes_;
  job->folder = options_.folder;
  if (spares_.empty()) {
    job->path = JoinPath(options_.folder, SpareFileName(next_));
  } else {
    job->path = std::move(spares_.back());
    spares_.pop_back();
  }
  sequence_->Run([job, &disk = disk_] { CarryOut(disk, *job); },
                 [this, job] { FinishPreparation(*job); });
}

void SegmentPool::CarryOut(Disk& disk, Preparation& job) {
  const auto prepare = [&]() -> absl::Status {
    FLOTILLA_ASSIGN_OR_RETURN(job.file, disk.Open(job.path, OpenMode::kCreateOrReuse));
    FLOTILLA_ASSIGN_OR_RETURN(const uint64_t size, job.file->Size());
    if (size > job.bytes) FLOTILLA_RETURN_IF_ERROR(job.file->Truncate(job.bytes));
    FLOTILLA_RETURN_IF_ERROR(ZeroFill(*job.file, size, job.bytes));
    FLOTILLA_RETURN_IF_ERROR(job.file->Write(0, EncodeSegmentHeader(job.header)));
    FLOTILLA_RETURN_IF_ERROR(job.file->Sync());
    return disk.SyncDir(job.folder);
  };
  job.status = prepare();
  if (absl::IsResourceExhausted(job.status) && job.file != nullptr) {
    const absl::Status given_up = GiveUp(disk, job.path, std::move(job.file));
    if (!given_up.ok()) job.status = given_up;
  }
}

void SegmentPool::FinishPreparation(Preparation& job) {
  preparing_ = false;
  if (absl::IsResourceExhausted(job.status)) return WaitForSpace(job.status);
  if (!job.status.ok()) return Fail(job.status);
  if (std::exchange(disk_full_, false)) logger_.Info("log_space_returned");
  prepared_ = PreparedSegment{.number = job.header.number,
                              .salt = job.header.salt,
                              .path = job.path,
                              .file = std::move(job.file),
                              .file_bytes = job.bytes};
  if (prepared_->file_bytes < wanted_bytes_) return Prepare(wanted_bytes_);
  events_.changed();
}

void SegmentPool::WaitForSpace(const absl::Status& status) {
  if (!std::exchange(disk_full_, true)) {
    logger_.Error("log_disk_full", {{"error", StdView(status.message())}});
  }
  retry_ = home_.PostAt(clock_.Now() + kSpaceRetryDelay, [this] {
    retry_ = 0;
    Prepare(0);
  });
  events_.changed();
}

void SegmentPool::Recycle(std::vector<SegmentNumber> segments) {
  superseded_.insert(superseded_.end(), segments.begin(), segments.end());
  RecycleNext();
}

// One after the other: many may come at once, when a group that held them back has moved on, and
// the writer must not wait behind all of them for its next segment.
void SegmentPool::RecycleNext() {
  if (failed_ || recycling_ || superseded_.empty()) return;
  recycling_ = true;
  auto job = std::make_shared<Recycling>();
  job->segment = superseded_.front();
  superseded_.pop_front();
  job->keep = spares_.size() < kSparesMax;
  sequence_->Run([job, &disk = disk_, folder = options_.folder] { CarryOut(disk, folder, *job); },
                 [this, job] { FinishRecycling(*job); });
}

void SegmentPool::FinishRecycling(Recycling& job) {
  recycling_ = false;
  if (!job.status.ok()) return Fail(job.status);
  if (job.keep) spares_.push_back(std::move(job.spare));
  if (retry_ != 0) {
    home_.Cancel(std::exchange(retry_, 0));
    Prepare(0);
  }
  RecycleNext();
}

// The folder is synced after each file, so that a crash leaves no hole in the row of numbers: a
// hole is how recovery sees that a file was lost.
void SegmentPool::CarryOut(Disk& disk, const std::string& folder, Recycling& job) {
  const std::string path = JoinPath(folder, SegmentFileName(job.segment));
  job.spare = JoinPath(folder, SpareFileName(job.segment));
  job.status = job.keep ? disk.Rename(path, job.spare) : disk.Remove(path);
  if (job.status.ok()) job.status = disk.SyncDir(folder);
}

void SegmentPool::Fail(const absl::Status& status) {
  if (std::exchange(failed_, true)) return;
  events_.failed(status);
}

}  // namespace flotilla::storage

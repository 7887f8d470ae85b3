#include "storage/log_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::storage {

LogWriter::LogWriter(const LogOptions& options, Disk& disk, Clock& clock, Executor& home,
                     SequenceSource& sequences, Random random, Logger& logger,
                     const RecoveredLog& recovered, SegmentMap& segments, Events events)
    : options_(options),
      disk_(disk),
      clock_(clock),
      home_(home),
      segments_(segments),
      events_(std::move(events)),
      queue_(options.max_batch_bytes, recovered.last_lsn.next(), recovered.lifecycle_items,
             recovered.group_count),
      durable_lsn_(recovered.last_lsn),
      first_needed_(std::max(recovered.first_needed_segment, SegmentNumber(1))),
      durable_first_needed_(first_needed_),
      pool_(options, disk, clock, home, sequences, random, logger, recovered.last_segment.next(),
            recovered.spares,
            {.changed = [this] { MaybeWrite(); },
             .failed = [this](const absl::Status& status) { Fail(status); }}),
      sequence_(sequences.NewSequence(SequenceSource::Use::kLog, home)) {
  pool_.Prepare(options.segment_bytes);
}

LogWriter::~LogWriter() {
  home_.Cancel(marker_timer_);
  home_.Cancel(round_timer_);
}

void LogWriter::AddSynced(Task durable, uint64_t waiting) {
  PendingBatch& batch = queue_.back();
  batch.must_write = true;
  batch.waiting += waiting;
  batch.callbacks.push_back(std::move(durable));
}

void LogWriter::AddUnsynced(Task done) {
  // Behind the newest batch that somebody waits for: all before it are durable then.
  for (size_t i = queue_.size(); i > 0; --i) {
    if (queue_[i - 1].must_write) return queue_[i - 1].callbacks.push_back(std::move(done));
  }
  if (writing_) return in_flight_callbacks_.push_back(std::move(done));
  home_.Post([alive = std::weak_ptr(alive_), run = std::move(done)]() mutable {
    if (!alive.expired()) run();
  });
}

void LogWriter::Submit() {
  if (failed_ || queue_.empty()) return;
  submitted_ = queue_.back().lsn;
  MaybeWrite();
}

void LogWriter::MaybeWrite() {
  if (writing_ || failed_) return;
  if (queue_.empty()) return ContinueClosing();
  const PendingBatch& batch = queue_.front();
  if (batch.lsn > submitted_ || !batch.must_write) return;
  if (MustWaitForCompany(batch)) return;
  if (MakeRoom(RoundUpToBlock(batch.bytes.size()))) return StartWrite();
  // There is no room and there will be none: what is left stays unacknowledged.
  if (closing_ && pool_.disk_full()) {
    queue_.Clear();
    std::exchange(closed_, [] {})();
  }
}

// A lone caller never waits. Where several do, a moment's patience makes the batch larger, and a
// sync costs the same CPU whatever its size (research: 40 microseconds).
bool LogWriter::MustWaitForCompany(const PendingBatch& batch) {
  if (options_.round_spacing == Duration::zero() || batch.waiting <= 1 || closing_) return false;
  const MonoTime due = last_start_ + options_.round_spacing;
  if (clock_.Now() >= due) return false;
  if (round_timer_ == 0) {
    round_timer_ = home_.PostAt(due, [this] {
      round_timer_ = 0;
      MaybeWrite();
    });
  }
  return true;
}

// Room for the batch and for the footer that must be able to follow it.
bool LogWriter::MakeRoom(uint64_t batch_bytes) {
  if (active_.has_value() &&
      active_->offset + batch_bytes + kLogBlockBytes <= active_->segment.file_bytes) {
    return true;
  }
  const uint64_t needed = kLogBlockBytes + batch_bytes + kLogBlockBytes;
  std::optional<PreparedSegment> next = pool_.Take(needed);
  if (!next.has_value()) {
    pool_.Prepare(needed);
    return false;
  }
  StartRotation(*std::move(next), queue_.front().lsn);
  pool_.Prepare(options_.segment_bytes);
  return true;
}

void LogWriter::StartRotation(PreparedSegment next, Lsn first_lsn) {
  Rotation& rotation = in_flight_.rotation.emplace();
  if (active_.has_value()) {
    rotation.old_file = std::move(active_->segment.file);
    rotation.footer_offset = active_->offset;
    rotation.footer = {.kind = BatchKind::kFooter,
                       .lsn = durable_lsn_,
                       .salt = active_->segment.salt,
                       .durable_lsn = durable_lsn_,
                       .first_segment = first_needed_,
                       .lifecycle_items = queue_.front().lifecycle_items,
                       .groups = queue_.front().groups};
  }
  rotation.folder = options_.folder;
  rotation.prepared_path = next.path;
  rotation.segment_path = JoinPath(options_.folder, SegmentFileName(next.number));
  segments_.AddSegment(next.number, next.file_bytes, first_lsn);
  active_ = ActiveSegment{.segment = std::move(next)};
}

void LogWriter::StartWrite() {
  // With more batches behind it, the state in memory is ahead of this one.
  if (queue_.size() == 1) first_needed_ = events_.first_needed();
  PendingBatch batch = queue_.Pop();
  FLOTILLA_CHECK_EQ(batch.lsn, durable_lsn_.next());
  segments_.AddBatch(batch.lsn, active_->offset);
  in_flight_.file = active_->segment.file.get();
  in_flight_.offset = active_->offset;
  in_flight_.header = {.item_count = batch.item_count,
                       .lsn = batch.lsn,
                       .salt = active_->segment.salt,
                       .durable_lsn = durable_lsn_,
                       .first_segment = first_needed_,
                       .lifecycle_items = batch.lifecycle_items,
                       .groups = batch.groups};
  active_->offset += RoundUpToBlock(batch.bytes.size());
  in_flight_bytes_ = batch.bytes.size();
  in_flight_.bytes = std::move(batch.bytes);
  in_flight_.close_after = final_marker_;
  in_flight_callbacks_ = std::move(batch.callbacks);
  last_start_ = clock_.Now();
  writing_ = true;
  sequence_->Run([this] { CarryOut(disk_, in_flight_); }, [this] { OnWritten(); });
}

void LogWriter::OnWritten() {
  writing_ = false;
  if (failed_) return;
  if (!in_flight_.status.ok()) return Fail(in_flight_.status);
  durable_lsn_ = in_flight_.header.lsn;
  durable_first_needed_ = in_flight_.header.first_segment;
  last_end_ = clock_.Now();
  unvouched_ = in_flight_.header.item_count > 0;
  if (unvouched_ && marker_timer_ == 0) ArmMarker(last_end_ + options_.marker_delay);

  std::vector<Task> callbacks = std::move(in_flight_callbacks_);
  in_flight_callbacks_.clear();
  std::string bytes = std::exchange(in_flight_.bytes, {});
  in_flight_bytes_ = 0;
  events_.durable();
  for (Task& callback : callbacks) callback();
  queue_.Reuse(std::move(bytes), std::move(callbacks));
  MaybeWrite();
}

void LogWriter::ArmMarker(MonoTime when) {
  marker_timer_ = home_.PostAt(when, [this] {
    marker_timer_ = 0;
    OnMarkerDue();
  });
}

// One timer for each delay, not for each batch: it looks when it fires whether it came too early.
void LogWriter::OnMarkerDue() {
  if (failed_ || closing_ || !unvouched_) return;
  const MonoTime due = last_end_ + options_.marker_delay;
  const bool vouched_soon = writing_ || (!queue_.empty() && queue_.front().must_write);
  if (vouched_soon || clock_.Now() < due) {
    return ArmMarker(std::max(due, clock_.Now() + options_.marker_delay));
  }
  WriteMarker();
}

void LogWriter::WriteMarker() {
  queue_.Open().must_write = true;
  Submit();
}

void LogWriter::Close(Task done) {
  closing_ = true;
  closed_ = std::move(done);
  if (!queue_.empty()) {
    queue_.back().must_write = true;
    submitted_ = queue_.back().lsn;
  }
  MaybeWrite();
}

// With the queue empty.
void LogWriter::ContinueClosing() {
  if (!closing_) return;
  if (final_marker_ || !active_.has_value()) {
    std::exchange(closed_, [] {})();
    return;
  }
  final_marker_ = true;
  WriteMarker();
}

void LogWriter::Fail(const absl::Status& status) {
  if (std::exchange(failed_, true)) return;
  queue_.Clear();
  events_.fatal(status);
}

}  // namespace flotilla::storage

#include "storage/log_recovery.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "storage/log_replay.h"
#include "storage/log_segment_reader.h"

namespace flotilla::storage {

namespace {

// Walks the segments from the oldest to the newest.
class LogScan {
 public:
  LogScan(const LogOptions& options, Disk& disk, RecoveredLog& log)
      : options_(options), disk_(disk), log_(log) {}

  absl::Status Run(const std::vector<SegmentNumber>& numbers);

 private:
  absl::Status ScanSegment(SegmentNumber number, bool is_last);
  absl::Status CheckOwner(const SegmentHeader& header, SegmentNumber number) const;
  absl::Status FindBeginning(SegmentReader& reader, SegmentNumber number);
  absl::Status ScanBatches(SegmentReader& reader, SegmentNumber number, bool is_last);
  absl::Status Take(const FoundBatch& batch);
  bool Follows(const FoundBatch& batch) const;
  absl::Status CheckEnd() const;

  // What can be read behind a place that cannot.
  struct Evidence {
    std::optional<uint64_t> next_batch;  // offset
    Lsn durable_lsn;                     // the highest that any batch vouches for
  };
  absl::StatusOr<Evidence> LookAhead(SegmentReader& reader, uint64_t offset) const;

  const LogOptions& options_;
  Disk& disk_;
  RecoveredLog& log_;
  LogReplay replay_;
  // Of the next batch; none before the first.
  Lsn expected_;
  // Between the last batch and the next one there is something that cannot be read although it was
  // synced once.
  bool damage_ = false;
};

absl::Status LogScan::Run(const std::vector<SegmentNumber>& numbers) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0 && numbers[i] != numbers[i - 1].next()) damage_ = true;
    FLOTILLA_RETURN_IF_ERROR(ScanSegment(numbers[i], i + 1 == numbers.size()));
  }
  FLOTILLA_RETURN_IF_ERROR(CheckEnd());
  FLOTILLA_RETURN_IF_ERROR(replay_.Finish(&log_.recovery));
  log_.groups = replay_.TakeGroups();
  log_.group_count = log_.groups.size();
  log_.lifecycle_items = replay_.lifecycle_items();
  log_.last_segment = numbers.empty() ? SegmentNumber() : numbers.back();
  log_.last_lsn = expected_.prev();
  return absl::OkStatus();
}

absl::Status LogScan::ScanSegment(SegmentNumber number, bool is_last) {
  const std::string path = JoinPath(options_.folder, SegmentFileName(number));
  FLOTILLA_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(disk_, path));
  if (reader.header().ok()) FLOTILLA_RETURN_IF_ERROR(CheckOwner(*reader.header(), number));
  if (expected_.is_none()) {
    FLOTILLA_RETURN_IF_ERROR(Annotate(FindBeginning(reader, number), path));
  }
  log_.segments.AddSegment(number, reader.file_bytes(), expected_);
  if (!reader.header().ok()) {
    damage_ = true;
    return absl::OkStatus();
  }
  return Annotate(ScanBatches(reader, number, is_last), path);
}

absl::Status LogScan::CheckOwner(const SegmentHeader& header, SegmentNumber number) const {
  const std::string name = JoinPath(options_.folder, SegmentFileName(number));
  if (header.node != options_.node) {
    return absl::FailedPreconditionError(name + " belongs to node " + ToString(header.node) +
                                         ", this is node " + ToString(options_.node));
  }
  if (header.incarnation != options_.incarnation) {
    return absl::FailedPreconditionError(name + " belongs to another life of this node's folder");
  }
  if (header.number != number) {
    return absl::DataLossError(name + " holds segment " + ToString(header.number));
  }
  return absl::OkStatus();
}

// A stream begins with segment 1 and LSN 1. When its older segments are gone, at least one batch
// that said so was synced in a segment that is left.
absl::Status LogScan::FindBeginning(SegmentReader& reader, SegmentNumber number) {
  if (number == SegmentNumber(1)) {
    expected_ = Lsn(1);
    return absl::OkStatus();
  }
  FLOTILLA_ASSIGN_OR_RETURN(std::optional<FoundBatch> first, reader.BatchAt(kLogBlockBytes));
  if (!first.has_value()) return absl::DataLossError("the beginning of the log cannot be read");
  const BatchHeader& header = first->view.header;
  expected_ = header.kind == BatchKind::kFooter ? header.lsn.next() : header.lsn;
  return absl::OkStatus();
}

bool LogScan::Follows(const FoundBatch& batch) const {
  const BatchHeader& header = batch.view.header;
  const Lsn next = header.kind == BatchKind::kFooter ? header.lsn.next() : header.lsn;
  return next == expected_ || (damage_ && next > expected_);
}

absl::Status LogScan::ScanBatches(SegmentReader& reader, SegmentNumber number, bool is_last) {
  uint64_t offset = kLogBlockBytes;
  while (true) {
    FLOTILLA_ASSIGN_OR_RETURN(std::optional<FoundBatch> batch, reader.BatchAt(offset));
    if (batch.has_value() && Follows(*batch)) {
      FLOTILLA_RETURN_IF_ERROR(Take(*batch));
      if (batch->view.header.kind == BatchKind::kFooter) return absl::OkStatus();
      offset = batch->End();
      continue;
    }
    FLOTILLA_ASSIGN_OR_RETURN(const Evidence evidence, LookAhead(reader, offset));
    if (is_last && expected_ > evidence.durable_lsn) {
      FLOTILLA_ASSIGN_OR_RETURN(log_.recovery.torn_bytes, reader.TornBytesAt(offset));
      log_.tail = OpenTail{.segment = number, .salt = reader.header()->salt, .offset = offset};
      return absl::OkStatus();
    }
    damage_ = true;
    if (!evidence.next_batch.has_value()) return absl::OkStatus();
    offset = *evidence.next_batch;
  }
}

absl::StatusOr<LogScan::Evidence> LogScan::LookAhead(SegmentReader& reader, uint64_t offset) const {
  Evidence evidence;
  while (true) {
    FLOTILLA_ASSIGN_OR_RETURN(std::optional<FoundBatch> next, reader.NextBatch(offset, expected_));
    if (!next.has_value()) return evidence;
    if (!evidence.next_batch.has_value()) evidence.next_batch = next->offset;
    evidence.durable_lsn = std::max(evidence.durable_lsn, next->view.header.durable_lsn);
    offset = next->End();
  }
}

absl::Status LogScan::Take(const FoundBatch& batch) {
  const BatchHeader& header = batch.view.header;
  const bool is_footer = header.kind == BatchKind::kFooter;
  const Lsn next = is_footer ? header.lsn.next() : header.lsn;
  if (next > expected_) replay_.NoteLoss(next.prev());
  FLOTILLA_RETURN_IF_ERROR(replay_.ApplyBatch(batch.view, batch.bytes));
  if (!is_footer) log_.segments.AddBatch(header.lsn, batch.offset);
  log_.first_needed_segment = std::max(log_.first_needed_segment, header.first_segment);
  expected_ = header.lsn.next();
  damage_ = false;
  return absl::OkStatus();
}

absl::Status LogScan::CheckEnd() const {
  if (damage_) {
    return absl::DataLossError("the end of the log in " + options_.folder +
                               " is damaged: what is lost cannot be told");
  }
  if (!log_.segments.empty() && log_.segments.oldest().number > log_.first_needed_segment &&
      !log_.first_needed_segment.is_none()) {
    return absl::DataLossError("segment " + ToString(log_.first_needed_segment) +
                               " is missing in " + options_.folder);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListFolder(const LogOptions& options, Disk& disk) {
  absl::StatusOr<std::vector<std::string>> names = disk.List(options.folder);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  return names;
}

}  // namespace

absl::StatusOr<RecoveredLog> ReadLog(const LogOptions& options, Disk& disk) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(options, disk));
  RecoveredLog log;
  std::vector<SegmentNumber> numbers;
  for (const std::string& name : names) {
    if (const auto number = ParseSegmentFileName(name)) numbers.push_back(*number);
    if (IsSpareFileName(name)) log.spares.push_back(JoinPath(options.folder, name));
  }
  std::sort(numbers.begin(), numbers.end());
  FLOTILLA_RETURN_IF_ERROR(LogScan(options, disk, log).Run(numbers));
  return log;
}

absl::Status CloseRecoveredLog(const LogOptions& options, Disk& disk, const RecoveredLog& log) {
  if (log.last_segment.is_none()) return absl::OkStatus();
  const std::string path = JoinPath(options.folder, SegmentFileName(log.last_segment));
  FLOTILLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadWrite));
  if (log.tail.has_value()) {
    std::string footer(kBatchHeaderBytes, '\0');
    SealBatch({.kind = BatchKind::kFooter,
               .lsn = log.last_lsn,
               .salt = log.tail->salt,
               .durable_lsn = log.last_lsn,
               .first_segment = log.first_needed_segment,
               .lifecycle_items = log.lifecycle_items,
               .groups = log.group_count},
              footer);
    // The batches in front must be durable before a footer vouches for them.
    FLOTILLA_RETURN_IF_ERROR(file->Sync());
    FLOTILLA_RETURN_IF_ERROR(file->Write(log.tail->offset, footer));
  }
  FLOTILLA_RETURN_IF_ERROR(file->Sync());
  FLOTILLA_RETURN_IF_ERROR(file->Close());
  // The name may be younger than the last power cut.
  return disk.SyncDir(options.folder);
}

}  // namespace flotilla::storage

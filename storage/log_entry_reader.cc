#include "storage/log_entry_reader.h"

#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"

namespace flotilla::storage {

namespace {

// Whether the entry at this place follows the run without anything in between.
bool Continues(const EntryRun& run, const SegmentMap::Place& place, uint64_t offset) {
  return run.segment == place.segment && run.offset + run.bytes == offset;
}

absl::Status ReadRun(Disk& disk, ShardId id, EntryRun& run, std::vector<raft::Entry>& entries) {
  if (run.file == nullptr) {
    FLOTILLA_ASSIGN_OR_RETURN(run.file, disk.Open(run.path, OpenMode::kReadOnly));
  }
  FLOTILLA_ASSIGN_OR_RETURN(const std::string bytes, run.file->Read(run.offset, run.bytes));
  Decoder in(bytes);
  for (uint64_t i = 0; i < run.count; ++i) {
    FLOTILLA_ASSIGN_OR_RETURN(const EntryFrame frame, DecodeEntryFrame(id, in));
    if (frame.index != run.first + i) {
      return absl::DataLossError("entry " + ToString(frame.index) + " stands where " +
                                 ToString(run.first + i) + " was written");
    }
    entries.push_back(ToEntry(frame));
  }
  return in.Finish("run of entries");
}

}  // namespace

absl::StatusOr<std::vector<EntryRun>> PlanReads(const LogGroup& group, SegmentMap& segments,
                                                const std::string& folder, LogIndex first,
                                                LogIndex last, uint64_t max_bytes,
                                                Lsn durable_lsn) {
  std::vector<EntryRun> runs;
  uint64_t bytes = 0;
  for (LogIndex index = first; index <= last; ++index) {
    if (index < group.first_index() || index > group.last_index()) break;
    const EntryLocation& location = group.At(index);
    if (location.lsn > durable_lsn) break;
    if (bytes > 0 && bytes + location.bytes > max_bytes) break;
    bytes += location.bytes;
    const auto place = segments.Find(location.lsn);
    if (!place.has_value()) {
      return absl::DataLossError("batch " + ToString(location.lsn) + " is lost");
    }
    const uint64_t offset = place->offset + location.offset;
    if (runs.empty() || !Continues(runs.back(), *place, offset)) {
      runs.push_back({.segment = place->segment,
                      .path = JoinPath(folder, SegmentFileName(place->segment)),
                      .file = segments.Get(place->segment).read_file,
                      .offset = offset,
                      .first = index});
    }
    runs.back().bytes += location.bytes;
    ++runs.back().count;
  }
  if (runs.empty()) {
    return absl::NotFoundError("entry " + ToString(first) + " is not in the log");
  }
  return runs;
}

absl::StatusOr<std::vector<raft::Entry>> ReadRuns(Disk& disk, ShardId id,
                                                  std::vector<EntryRun>& runs) {
  std::vector<raft::Entry> entries;
  for (EntryRun& run : runs) {
    const absl::Status status = ReadRun(disk, id, run, entries);
    if (status.ok()) continue;
    const std::string where = run.path + ", group " + ToString(id);
    // To the caller "not found" means superseded; a live segment without its file is damage.
    if (absl::IsNotFound(status)) return absl::DataLossError(where + ": the file is gone");
    return Annotate(status, where);
  }
  return entries;
}

}  // namespace flotilla::storage

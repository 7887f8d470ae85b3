// Reads entries back from the segments, in two steps: where they lie is looked up on the home
// executor, the files are read wherever blocking is allowed.
#ifndef FLOTILLA_STORAGE_LOG_ENTRY_READER_H_
#define FLOTILLA_STORAGE_LOG_ENTRY_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"
#include "storage/log_group.h"
#include "storage/log_segment_map.h"

namespace flotilla::storage {

// Entries that lie side by side.
struct EntryRun {
  SegmentNumber segment;
  std::string path;
  std::shared_ptr<File> file;  // opened when null
  uint64_t offset = 0;
  uint64_t bytes = 0;
  LogIndex first;
  uint64_t count = 0;
};

// Finds [first, last] of a group, stopping after `max_bytes` of entries but not before one entry,
// and before entries that are not durable. kNotFound when `first` is not there; kDataLoss when its
// batch was lost.
absl::StatusOr<std::vector<EntryRun>> PlanReads(const LogGroup& group, SegmentMap& segments,
                                                const std::string& folder, LogIndex first,
                                                LogIndex last, uint64_t max_bytes, Lsn durable_lsn);

// Reads the runs and checks every entry: kDataLoss when one is damaged or is not the one that the
// index promised. Leaves the files open in `runs`.
absl::StatusOr<std::vector<raft::Entry>> ReadRuns(Disk& disk, ShardId id,
                                                  std::vector<EntryRun>& runs);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_ENTRY_READER_H_

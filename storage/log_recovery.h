// Reads a log folder and decides what of it counts. Blocking.
//
// The rule (design brief, section 4; "CTRL" of Alagappan et al., FAST 2018): an unreadable batch of
// LSN x is an unsynced tail, and cut, only when it is in the last segment and x is greater than
// every durable_lsn of any batch that can be read. Otherwise acknowledged data is damaged: reading
// goes on at the next whole batch, and the groups that may have lost something are suspect.
#ifndef FLOTILLA_STORAGE_LOG_RECOVERY_H_
#define FLOTILLA_STORAGE_LOG_RECOVERY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"
#include "storage/log.h"
#include "storage/log_format.h"
#include "storage/log_group.h"
#include "storage/log_segment_map.h"

namespace flotilla::storage {

// The last segment, when it still lacks its footer.
struct OpenTail {
  SegmentNumber segment;
  uint64_t salt = 0;
  uint64_t offset = 0;  // behind the last batch that counts
};

struct RecoveredLog {
  Recovery recovery;
  std::map<ShardId, LogGroup> groups;
  SegmentMap segments;
  std::vector<std::string> spares;  // paths
  SegmentNumber last_segment;
  SegmentNumber first_needed_segment;
  Lsn last_lsn;
  uint64_t lifecycle_items = 0;
  uint64_t group_count = 0;  // what BatchHeader::groups goes on from
  std::optional<OpenTail> tail;
};

// Changes nothing. A missing folder is an empty log. Errors: see Log::Open.
absl::StatusOr<RecoveredLog> ReadLog(const LogOptions& options, Disk& disk);

// Makes what ReadLog found durable: what was read may never have been synced. Writes the footer of
// the tail, so that nobody ever appends behind a cut (cqlite#1390: torn bytes left in front of
// later, acknowledged ones).
absl::Status CloseRecoveredLog(const LogOptions& options, Disk& disk, const RecoveredLog& log);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_RECOVERY_H_

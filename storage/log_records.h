// What a record does: to the group in memory, and as an item in a batch. Both at once, so that they
// cannot differ. No I/O.
#ifndef FLOTILLA_STORAGE_LOG_RECORDS_H_
#define FLOTILLA_STORAGE_LOG_RECORDS_H_

#include <vector>

#include "base/ids.h"
#include "storage/log.h"
#include "storage/log_batch_queue.h"
#include "storage/log_group.h"

namespace flotilla::storage {

// Each adds one item to the queue's open batch and brings `group` up to date. Preconditions are
// those of the records (log.h), checked.
void WriteAppend(ShardId id, const AppendRecord& record, LogGroup& group, BatchQueue& queue);
void WriteCompact(ShardId id, CompactRecord record, LogGroup& group, BatchQueue& queue);
void WriteSnapshot(ShardId id, SnapshotRecord record, LogGroup& group, BatchQueue& queue);
void WriteTombstone(ShardId id, const TombstoneRecord& record, LogGroup& group, BatchQueue& queue);

// Writes all that is known of the group again: its state and `entries`, which are all of its live
// entries. A group without a replica is its tombstone; a suspect one stays suspect.
void WriteRewrite(ShardId id, const std::vector<raft::Entry>& entries, LogGroup& group,
                  BatchQueue& queue);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_RECORDS_H_

// Turns the items of a log, read in order, into what is known of each group. Part of recovery; no
// I/O.
//
// A loss in between makes a group suspect unless it is proven that nothing of it was lost: either
// its next item follows without a gap in its sequence, or an item comes that replaces everything.
#ifndef FLOTILLA_STORAGE_LOG_REPLAY_H_
#define FLOTILLA_STORAGE_LOG_REPLAY_H_

#include <cstdint>
#include <deque>
#include <map>

#include "absl/status/status.h"
#include "base/ids.h"
#include "storage/log.h"
#include "storage/log_format.h"
#include "storage/log_group.h"
#include "storage/log_items.h"

namespace flotilla::storage {

// What there is to know of a living group, but its entries.
RecoveredGroup ToRecovered(ShardId id, const LogGroup& group);

class LogReplay {
 public:
  // Applies the items of one batch. kUnimplemented for an item of a newer build; kDataLoss for one
  // that makes no sense although its checksum is right, or after a loss that may have taken groups
  // with it that nobody else has heard of.
  absl::Status ApplyBatch(const BatchView& batch, std::string_view batch_bytes);

  // Acknowledged batches up to `last`, before the one applied next, cannot be read.
  void NoteLoss(Lsn last);
  bool lost_anything() const { return !last_lost_.is_none(); }

  // Judges the groups once all is applied, and gives out what was found. After this the groups are
  // what the writer goes on with. kDataLoss when nothing is left of one.
  absl::Status Finish(Recovery* recovery);
  std::map<ShardId, LogGroup> TakeGroups();

  uint64_t lifecycle_items() const { return lifecycle_items_; }

 private:
  struct Group {
    LogGroup log;
    // Of the same run as `log`'s locations. Commands without their payload.
    std::deque<raft::Entry> entries;
    Lsn last_item;
    // Something before the newest item is missing, and nothing has made up for it.
    bool gap = false;
  };

  void CheckSequence(const ItemHeader& header, Group& group) const;
  void Apply(const Item& item, Lsn lsn, Group& group);
  void AppendEntries(const Item& item, Lsn lsn, Group& group);
  void Judge(Group& group) const;

  std::map<ShardId, Group> groups_;
  uint64_t lifecycle_items_ = 0;
  // The most that any batch says there were.
  uint64_t groups_said_ = 0;
  bool first_batch_ = true;
  Lsn last_lost_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_REPLAY_H_

// Batches that are being filled while the disk is busy, in LSN order. Records are encoded straight
// into the newest one, so a payload is copied once on its way to the disk.
//
// Lives on the home executor, owned by the log. Not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_BATCH_QUEUE_H_
#define FLOTILLA_STORAGE_LOG_BATCH_QUEUE_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/ids.h"

namespace flotilla::storage {

struct PendingBatch {
  Lsn lsn;
  std::string bytes;  // room for the header, then items
  uint32_t item_count = 0;
  // In the stream before this batch.
  uint64_t lifecycle_items = 0;
  uint64_t groups = 0;
  // Somebody waits for it, or it is full; until then it waits for company.
  bool must_write = false;
  // Records and entries whose callers wait: the measure of load.
  uint64_t waiting = 0;
  std::vector<Task> callbacks;
};

class BatchQueue {
 public:
  // Batches are closed once they have `max_batch_bytes`. `next` is the first batch's LSN.
  BatchQueue(uint64_t max_batch_bytes, Lsn next, uint64_t lifecycle_items, uint64_t groups);

  // The batch to add to: the newest, or a new one when there is none or it is full.
  PendingBatch& Open();
  // After an item was added to the batch that Open returned. `is_first`: of its group.
  void CountItem(bool is_lifecycle, bool is_first);

  bool empty() const { return batches_.empty(); }
  size_t size() const { return batches_.size(); }
  PendingBatch& front() { return batches_.front(); }
  PendingBatch& back() { return batches_.back(); }
  PendingBatch& operator[](size_t i) { return batches_[i]; }
  PendingBatch Pop();
  void Clear();
  uint64_t bytes() const;

  // Gives a written batch's buffers back, so that a steady load allocates none.
  void Reuse(std::string bytes, std::vector<Task> callbacks);

 private:
  const uint64_t max_batch_bytes_;
  std::deque<PendingBatch> batches_;
  Lsn next_lsn_;
  uint64_t lifecycle_items_;
  uint64_t groups_;
  std::string spare_bytes_;
  std::vector<Task> spare_callbacks_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_BATCH_QUEUE_H_

#include "storage/log_batch_queue.h"

#include <utility>

#include "base/check.h"
#include "storage/log_format.h"

namespace flotilla::storage {

BatchQueue::BatchQueue(uint64_t max_batch_bytes, Lsn next, uint64_t lifecycle_items,
                       uint64_t groups)
    : max_batch_bytes_(max_batch_bytes),
      next_lsn_(next),
      lifecycle_items_(lifecycle_items),
      groups_(groups) {}

PendingBatch& BatchQueue::Open() {
  if (!batches_.empty()) {
    PendingBatch& newest = batches_.back();
    if (newest.bytes.size() < max_batch_bytes_) return newest;
    newest.must_write = true;
  }
  PendingBatch& batch = batches_.emplace_back();
  batch.lsn = next_lsn_;
  ++next_lsn_;
  batch.lifecycle_items = lifecycle_items_;
  batch.groups = groups_;
  batch.bytes = std::exchange(spare_bytes_, {});
  batch.bytes.assign(kBatchHeaderBytes, '\0');
  batch.callbacks = std::exchange(spare_callbacks_, {});
  return batch;
}

void BatchQueue::CountItem(bool is_lifecycle, bool is_first) {
  ++batches_.back().item_count;
  if (is_lifecycle) ++lifecycle_items_;
  if (is_first) ++groups_;
}

PendingBatch BatchQueue::Pop() {
  FLOTILLA_CHECK(!empty());
  PendingBatch batch = std::move(batches_.front());
  batches_.pop_front();
  return batch;
}

void BatchQueue::Clear() { batches_.clear(); }

uint64_t BatchQueue::bytes() const {
  uint64_t bytes = 0;
  for (const PendingBatch& batch : batches_) bytes += batch.bytes.size();
  return bytes;
}

void BatchQueue::Reuse(std::string bytes, std::vector<Task> callbacks) {
  // What one huge record needed is given back.
  if (bytes.capacity() <= 2 * max_batch_bytes_) spare_bytes_ = std::move(bytes);
  callbacks.clear();
  spare_callbacks_ = std::move(callbacks);
}

}  // namespace flotilla::storage

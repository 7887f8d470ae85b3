// How much the commands of one entry may make of little: a command of thirty bytes can have a value
// of a megabyte read, written again or answered, and an entry holds tens of thousands of commands.
// Without a limit such an entry, once committed, would take all memory of every replica, at every
// restart again.
//
// Part of what an entry means: what is over the budget is refused (ResultCode::kEntryFull), so
// replicas of one shard must not differ in it, and it counts only what is the same on all of them.
#ifndef FLOTILLA_KV_ENTRY_BUDGET_H_
#define FLOTILLA_KV_ENTRY_BUDGET_H_

#include <cstddef>
#include <cstdint>

#include "kv/result.h"

namespace flotilla::kv {

class EntryBudget {
 public:
  // A command begins only below this; the last one may go over it.
  static constexpr uint64_t kMaxBytes = 32 << 20;
  // Of the values that the appends of one Batch or Txn lengthen.
  static constexpr uint64_t kMaxLengthenedBytes = 32 << 20;

  void Begin() { spent_ = 0; }
  void Spend(uint64_t bytes) { spent_ += bytes; }
  void SpendOnResults(size_t count) { spent_ += kBytesPerResult * count; }
  void SpendOnReplay(const CommandResult& answer) {
    Spend(answer.value.has_value() ? answer.value->size() : 0);
    SpendOnResults(answer.nested.size());
  }
  // A page of a delete-range walks over the rows that earlier ones of the same entry deleted.
  void SpendOnDeletePage(uint64_t bytes_read) { spent_ += kBytesPerDeletePage + bytes_read; }

  bool IsSpent() const { return spent_ >= kMaxBytes; }
  uint64_t spent() const { return spent_; }

 private:
  static constexpr uint64_t kBytesPerResult = 256;  // what it takes in memory, about
  static constexpr uint64_t kBytesPerDeletePage = 1 << 20;

  uint64_t spent_ = 0;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_ENTRY_BUDGET_H_

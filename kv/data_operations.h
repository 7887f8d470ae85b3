// What each operation does to the data rows, and what it answers. Versions are given out here: one
// per row written or deleted, in apply order.
#ifndef FLOTILLA_KV_DATA_OPERATIONS_H_
#define FLOTILLA_KV_DATA_OPERATIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kv/command.h"
#include "kv/entry_budget.h"
#include "kv/limits.h"
#include "kv/pending_rows.h"
#include "kv/result.h"
#include "sharding/shard_descriptor.h"
#include "storage/engine.h"

namespace flotilla::kv {

// Runs operations that were validated and whose slot the shard owns. An error is a damaged engine;
// what a client may hear of is a ResultCode. One for a command; cheap.
class DataOperations {
 public:
  // `revision` is the newest version given out so far; it goes up as operations succeed.
  DataOperations(uint32_t keyspace, const Limits& limits, PendingRows& rows, uint64_t& revision,
                 EntryBudget& budget)
      : keyspace_(keyspace), limits_(limits), rows_(rows), revision_(revision), budget_(budget) {}

  absl::StatusOr<CommandResult> operator()(const Put& put);
  absl::StatusOr<CommandResult> operator()(const Delete& del);
  absl::StatusOr<CommandResult> operator()(const CompareAndSwap& cas);
  absl::StatusOr<CommandResult> operator()(const Increment& increment);
  absl::StatusOr<CommandResult> operator()(const Append& append);
  absl::StatusOr<CommandResult> operator()(const Batch& batch);
  absl::StatusOr<CommandResult> operator()(const Txn& txn);

  // Reads `engine`, the state below `rows`, and skips what `arc` does not own.
  absl::StatusOr<CommandResult> Run(const DeleteRange& range, const storage::StateReader& engine,
                                    const sharding::Arc& arc);

 private:
  // A row that was found.
  struct Found {
    uint64_t version = 0;
    uint64_t created_version = 0;
    std::string value;
  };

  absl::StatusOr<std::optional<Found>> Find(std::string_view key) const;
  // Find, at the expense of the entry's budget.
  absl::StatusOr<std::optional<Found>> FindAndPay(std::string_view key) const;
  absl::StatusOr<bool> Holds(const Condition& condition) const;
  // Writes the row with a new version. `before` is the row that it replaces.
  CommandResult Write(std::string_view key, std::string_view value,
                      const std::optional<Found>& before);
  // All of them, or none and the first failure.
  absl::StatusOr<CommandResult> RunAll(const std::vector<SimpleOperation>& operations);

  const uint32_t keyspace_;
  const Limits& limits_;
  PendingRows& rows_;
  uint64_t& revision_;
  EntryBudget& budget_;
  // Of the values that this command found and deleted, or made longer.
  uint64_t deleted_bytes_ = 0;
  uint64_t lengthened_bytes_ = 0;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_DATA_OPERATIONS_H_

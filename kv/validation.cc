// Validate: what can be refused without looking at the state.
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "kv/command.h"
#include "kv/read.h"

namespace flotilla::kv {

namespace {

absl::Status Refuse(const std::string& message) { return absl::InvalidArgumentError(message); }

absl::Status CheckLimit(std::string_view what, size_t actual, size_t limit) {
  if (actual <= limit) [[likely]] {
    return absl::OkStatus();
  }
  return Refuse(std::string(what) + " is too large: " + std::to_string(actual) + ", the limit is " +
                std::to_string(limit));
}

absl::Status CheckKey(std::string_view key, const Limits& limits) {
  if (key.empty()) return Refuse("a key is empty; it must have 1 byte at least");
  return CheckLimit("a key, in bytes,", key.size(), limits.max_key_bytes);
}

// A bound need not be a key: the successor of the longest key is one byte longer.
absl::Status CheckRange(std::string_view from, std::string_view to, const Limits& limits) {
  FLOTILLA_RETURN_IF_ERROR(CheckLimit("a range's start", from.size(), limits.max_key_bytes + 1));
  FLOTILLA_RETURN_IF_ERROR(CheckLimit("a range's end", to.size(), limits.max_key_bytes + 1));
  if (!to.empty() && to < from) return Refuse("a range ends before it starts");
  return absl::OkStatus();
}

absl::Status CheckKeyspace(uint32_t keyspace) {
  if (keyspace == 0) return absl::OkStatus();
  return Refuse("unknown keyspace " + std::to_string(keyspace) + "; there is only the default");
}

class CommandChecker {
 public:
  explicit CommandChecker(const Limits& limits) : limits_(limits) {}

  absl::Status operator()(const Put& put) {
    FLOTILLA_RETURN_IF_ERROR(CheckKey(put.key));
    return CheckValue(put.value);
  }
  absl::Status operator()(const Delete& del) { return CheckKey(del.key); }
  absl::Status operator()(const Increment& increment) { return CheckKey(increment.key); }
  absl::Status operator()(const Append& append) {
    FLOTILLA_RETURN_IF_ERROR(CheckKey(append.key));
    return CheckValue(append.value);
  }
  absl::Status operator()(const CompareAndSwap& cas) {
    FLOTILLA_RETURN_IF_ERROR(CheckCondition(cas.condition));
    return CheckValue(cas.value);
  }
  absl::Status operator()(const DeleteRange& range) {
    FLOTILLA_RETURN_IF_ERROR(CheckRange(range.from, range.to, limits_));
    if (range.limit == 0) return Refuse("a delete-range of no keys; the limit must be 1 at least");
    return CheckLimit("a delete-range's page", range.limit, limits_.max_delete_range);
  }
  absl::Status operator()(const Batch& batch) {
    if (batch.operations.empty()) return Refuse("a batch without operations");
    FLOTILLA_RETURN_IF_ERROR(
        CheckLimit("a batch, in operations,", batch.operations.size(), limits_.max_operations));
    return CheckOperations(batch.operations);
  }
  absl::Status operator()(const Txn& txn) {
    const size_t size = txn.conditions.size() + txn.then.size() + txn.otherwise.size();
    if (size == 0) return Refuse("a transaction without conditions and operations");
    FLOTILLA_RETURN_IF_ERROR(
        CheckLimit("a transaction, in conditions and operations,", size, limits_.max_operations));
    for (const Condition& condition : txn.conditions) {
      FLOTILLA_RETURN_IF_ERROR(CheckCondition(condition));
      FLOTILLA_RETURN_IF_ERROR(CheckSlot(condition.key));
    }
    FLOTILLA_RETURN_IF_ERROR(CheckOperations(txn.then));
    return CheckOperations(txn.otherwise);
  }
  absl::Status operator()(const OpenSession&) { return absl::OkStatus(); }
  absl::Status operator()(const CloseSession&) { return absl::OkStatus(); }
  absl::Status operator()(const KeepAlive&) { return absl::OkStatus(); }
  absl::Status operator()(const SplitShard& split) {
    if (split.child.is_none()) return Refuse("a split names no child");
    if (split.at.value == 0 || split.at.value >= sharding::kSlotCount) {
      return Refuse("a shard cannot be split at slot " + std::to_string(split.at.value));
    }
    return absl::OkStatus();
  }
  absl::Status operator()(const SweepShard&) { return absl::OkStatus(); }

  absl::Status CheckSize() const {
    return CheckLimit("a command, in bytes,", bytes_, limits_.max_command_bytes);
  }

 private:
  absl::Status CheckKey(std::string_view key) {
    bytes_ += key.size();
    return kv::CheckKey(key, limits_);
  }
  absl::Status CheckValue(std::string_view value) {
    bytes_ += value.size();
    return CheckLimit("a value, in bytes,", value.size(), limits_.max_value_bytes);
  }
  absl::Status CheckCondition(const Condition& condition) {
    FLOTILLA_RETURN_IF_ERROR(CheckKey(condition.key));
    return CheckValue(condition.value);
  }
  absl::Status CheckOperations(const std::vector<SimpleOperation>& operations) {
    for (const SimpleOperation& operation : operations) {
      FLOTILLA_RETURN_IF_ERROR(std::visit(*this, operation));
      FLOTILLA_RETURN_IF_ERROR(
          std::visit([&](const auto& o) { return CheckSlot(o.key); }, operation));
    }
    return absl::OkStatus();
  }
  // Always, also while one shard owns all slots: a split must not change what is accepted.
  absl::Status CheckSlot(std::string_view key) {
    const sharding::Slot slot = sharding::SlotOf(key);
    if (!slot_.has_value()) slot_ = slot;
    if (*slot_ == slot) return absl::OkStatus();
    return Refuse("the keys of an atomic command must share a slot, but are in " +
                  std::to_string(slot_->value) + " and " + std::to_string(slot.value) +
                  "; give them a common {hash tag}");
  }

  const Limits& limits_;
  size_t bytes_ = 0;  // of keys and values so far
  std::optional<sharding::Slot> slot_;
};

absl::Status CheckIdentity(const Command& command) {
  const WriteIdentity& identity = command.identity;
  const bool of_shard = std::holds_alternative<SplitShard>(command.operation) ||
                        std::holds_alternative<SweepShard>(command.operation);
  if (of_shard && identity.session.has_value()) return Refuse("a shard's own command in a session");
  const bool opens = std::holds_alternative<OpenSession>(command.operation);
  const bool about_session = opens || std::holds_alternative<CloseSession>(command.operation) ||
                             std::holds_alternative<KeepAlive>(command.operation);
  if (!identity.session.has_value()) {
    if (about_session && !opens) return Refuse("the command names no session");
    return absl::OkStatus();
  }
  if (opens) return Refuse("a session is opened outside any other");
  if (about_session) return absl::OkStatus();
  if (identity.sequence == 0) return Refuse("sequence numbers begin at 1");
  if (identity.acknowledged_below <= identity.sequence) return absl::OkStatus();
  return Refuse("the write has sequence number " + std::to_string(identity.sequence) +
                ", but all below " + std::to_string(identity.acknowledged_below) +
                " are acknowledged");
}

struct ReadChecker {
  const Limits& limits;

  absl::Status operator()(const Get& get) const { return CheckKey(get.key, limits); }
  absl::Status operator()(const BatchGet& get) const {
    FLOTILLA_RETURN_IF_ERROR(
        CheckLimit("a batch of gets, in keys,", get.keys.size(), limits.max_batch_get));
    for (const std::string& key : get.keys) FLOTILLA_RETURN_IF_ERROR(CheckKey(key, limits));
    return absl::OkStatus();
  }
  absl::Status operator()(const ScanPage& page) const {
    if (page.max_rows == 0) return Refuse("a page of no rows; max_rows must be 1 at least");
    return CheckRange(page.from, page.to, limits);
  }
};

}  // namespace

absl::Status Validate(const Command& command, const Limits& limits) {
  FLOTILLA_RETURN_IF_ERROR(CheckKeyspace(command.keyspace));
  FLOTILLA_RETURN_IF_ERROR(CheckIdentity(command));
  CommandChecker checker(limits);
  FLOTILLA_RETURN_IF_ERROR(std::visit(checker, command.operation));
  return checker.CheckSize();
}

absl::Status Validate(const ReadRequest& request, const Limits& limits) {
  FLOTILLA_RETURN_IF_ERROR(CheckKeyspace(request.keyspace));
  return std::visit(ReadChecker{limits}, request.operation);
}

}  // namespace flotilla::kv

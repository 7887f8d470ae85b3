// What the directory does with the records of operations.
#include <algorithm>
#include <set>
#include <string>
#include <variant>

#include "kv/directory.h"

namespace flotilla::kv {

namespace {

std::string Name(const OperationRecord& record) { return "operation " + ToString(record.id); }

}  // namespace

const OperationRecord* Directory::Running(ShardId shard) const {
  const auto found = std::find_if(operations_.begin(), operations_.end(), [&](const auto& each) {
    return !each.second.has_ended() && ShardOf(each.second.step) == shard;
  });
  return found == operations_.end() ? nullptr : &found->second;
}

ShardId Directory::NextShard(ShardId last) const {
  const ShardId greatest = std::max(last, shards_.shards().rbegin()->first);
  return std::max(ShardId(greatest.value() + 1), kFirstNamedShard);
}

DirectoryChange Directory::Record(const OperationNews& news) const {
  DirectoryChange change;
  std::set<ShardId> busy;
  for (const auto& [id, record] : operations_) {
    if (!record.has_ended()) busy.insert(ShardOf(record.step));
  }
  for (const OperationNews::End& end : news.ended) {
    const auto known = operations_.find(end.id);
    if (known == operations_.end() || known->second.has_ended()) continue;
    OperationRecord& record = change.operations.emplace_back(known->second);
    record.state = end.state;
    record.reason = end.reason;
    record.ended = news.at;
    busy.erase(ShardOf(record.step));
  }
  change.dropped = TooMany(change.operations);
  // What is dropped is never the last one: ids only grow.
  uint64_t last_id = operations_.empty() ? 0 : operations_.rbegin()->first.value();
  for (const OperationRecord& begun : news.begun) {
    const bool split = std::holds_alternative<sharding::SplitShard>(begun.step);
    if (split && !shards_.IsFounded()) continue;
    if (!busy.insert(ShardOf(begun.step)).second) continue;
    OperationRecord& record = change.operations.emplace_back(begun);
    record.id = OperationId(++last_id);
    record.begun = news.at;
    if (!split) continue;
    record.child = NextShard(std::max(last_named_, change.named));
    change.named = record.child;
  }
  return change;
}

// The oldest of those that have ended, when these are as they will be.
std::vector<OperationId> Directory::TooMany(const std::vector<OperationRecord>& changed) const {
  std::set<OperationId> ended;
  for (const auto& [id, record] : operations_) {
    if (record.has_ended()) ended.insert(id);
  }
  for (const OperationRecord& record : changed) ended.insert(record.id);
  std::vector<OperationId> dropped;
  for (; ended.size() > kMaxEndedOperations; ended.erase(ended.begin())) {
    dropped.push_back(*ended.begin());
  }
  return dropped;
}

absl::StatusOr<DirectoryChange> Directory::Begin(const OperationRecord& asked, WallTime now) const {
  const OperationRecord* const running = Running(ShardOf(asked.step));
  if (running == nullptr) {
    // By what Record leaves out.
    if (std::holds_alternative<sharding::SplitShard>(asked.step) && !shards_.IsFounded()) {
      return absl::UnavailableError("the directory has not heard of all shards yet");
    }
    return Record({.begun = {asked}, .ended = {}, .at = now});
  }
  if (running->step != asked.step || running->state != OperationState::kRunning) {
    return absl::UnavailableError(Name(*running) +
                                  " changes the shard: " + ToString(running->step));
  }
  DirectoryChange change;
  change.operations = {*running};
  return change;
}

absl::StatusOr<DirectoryChange> Directory::Cancel(OperationId operation) const {
  const auto known = operations_.find(operation);
  if (known == operations_.end()) {
    return absl::NotFoundError("there is no operation " + ToString(operation) +
                               ", or it has ended long ago");
  }
  const OperationRecord& record = known->second;
  if (record.has_ended()) {
    return absl::FailedPreconditionError(Name(record) + " has ended: it has " +
                                         std::string(ToString(record.state)));
  }
  const sharding::MappedShard* const shard = shards_.FindShard(ShardOf(record.step));
  if (std::holds_alternative<sharding::SplitShard>(record.step) && shard != nullptr &&
      shard->claim.descriptor.version > record.shard_version) {
    return absl::FailedPreconditionError(Name(record) +
                                         " cannot be cancelled: the shard is split already");
  }
  DirectoryChange change;
  if (record.state == OperationState::kCancelling) return change;
  change.operations = {record};
  change.operations[0].state = OperationState::kCancelling;
  return change;
}

}  // namespace flotilla::kv

#include "client/spread_get.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "client/server_error.h"

namespace flotilla::client {
namespace {

// As the server has it for the keys of one shard.
constexpr size_t kKeysMax = 1000;

}  // namespace

StatusOr<std::unique_ptr<SpreadCall>> SpreadGet::Of(BatchGet get) {
  if (get.keys.size() > kKeysMax) {
    return Status(StatusCode::kInvalidArgument,
                  "a batch of gets has " + std::to_string(get.keys.size()) +
                      " keys, the limit is " + std::to_string(kKeysMax),
                  reason::kInvalidRequest);
  }
  return std::unique_ptr<SpreadCall>(new SpreadGet(std::move(get)));
}

SpreadGet::SpreadGet(BatchGet get) : keys_(std::move(get.keys)), left_(keys_.size()) {
  result_.entries.resize(keys_.size());
  std::iota(left_.begin(), left_.end(), size_t{0});
}

std::vector<SpreadCall::Part> SpreadGet::NextParts(const RouteTable& routes) {
  asked_ = Group(routes);
  left_.clear();
  std::vector<Part> parts;
  parts.reserve(asked_.size());
  for (const Keys& keys : asked_) parts.push_back(PartOf(keys));
  return parts;
}

// The keys of one shard together; where none is known, those of one slot.
std::vector<SpreadGet::Keys> SpreadGet::Group(const RouteTable& routes) const {
  std::map<std::pair<ShardId, sharding::Slot>, Keys> groups;
  for (const size_t key : left_) {
    const sharding::Slot slot = sharding::SlotOf(keys_[key]);
    const ShardRoute* route = slot_by_slot_ ? nullptr : routes.Find(slot);
    const auto owner = route == nullptr ? std::pair(ShardId(), slot)
                                        : std::pair(route->descriptor.shard, sharding::Slot());
    groups[owner].push_back(key);
  }
  std::vector<Keys> grouped;
  grouped.reserve(groups.size());
  for (auto& [owner, keys] : groups) grouped.push_back(std::move(keys));
  return grouped;
}

SpreadCall::Part SpreadGet::PartOf(const Keys& keys) const {
  Part part{.operation = {}, .slot = sharding::SlotOf(keys_[keys.front()])};
  BatchGet get;
  get.keys.reserve(keys.size());
  for (const size_t key : keys) {
    get.keys.push_back(keys_[key]);
    if (sharding::SlotOf(keys_[key]) != part.slot) part.ends_at_wrong_shard = true;
  }
  part.operation = std::move(get);
  return part;
}

Status SpreadGet::Take(size_t part, StatusOr<Result> answer) {
  const Keys& keys = asked_[part];
  if (!answer.ok()) {
    if (answer.status().reason() != ToString(Reason::kWrongShard)) return answer.status();
    slot_by_slot_ = true;
    left_.insert(left_.end(), keys.begin(), keys.end());
    return Status();
  }
  auto& got = std::get<BatchGetResult>(*answer);
  if (got.entries.size() != keys.size()) {
    return Status(StatusCode::kInternal, "the server answered for other keys than asked for",
                  "INTERNAL");
  }
  for (size_t i = 0; i < keys.size(); ++i) result_.entries[keys[i]] = std::move(got.entries[i]);
  result_.lag = std::max(result_.lag, got.lag);
  return Status();
}

}  // namespace flotilla::client

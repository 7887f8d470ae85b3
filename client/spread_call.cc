#include "client/spread_call.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "client/spread_delete.h"
#include "client/spread_get.h"
#include "client/spread_scan.h"

namespace flotilla::client {

bool IsSpread(const Operation& operation) {
  const auto* get = std::get_if<BatchGet>(&operation);
  if (get == nullptr) {
    return std::holds_alternative<Scan>(operation) ||
           std::holds_alternative<DeleteRange>(operation);
  }
  return std::any_of(get->keys.begin(), get->keys.end(), [get](const std::string& key) {
    return sharding::SlotOf(key) != sharding::SlotOf(get->keys.front());
  });
}

StatusOr<std::unique_ptr<SpreadCall>> Spread(Operation operation) {
  if (auto* get = std::get_if<BatchGet>(&operation)) return SpreadGet::Of(std::move(*get));
  if (auto* scan = std::get_if<Scan>(&operation)) return SpreadScan::Of(std::move(*scan));
  return SpreadDelete::Of(std::move(std::get<DeleteRange>(operation)));
}

std::vector<sharding::Arc> ArcsOf(const RouteTable& routes) {
  std::vector<sharding::Arc> arcs;
  arcs.reserve(routes.shards().size());
  for (const ShardRoute& route : routes.shards()) arcs.push_back(route.descriptor.arc);
  return arcs;
}

}  // namespace flotilla::client

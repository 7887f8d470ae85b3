// A call about keys of several shards: what to ask of whom, and what it all comes to. Rounds of
// parts that are asked at the same time; what a round leaves open, because a shard was split or
// moved meanwhile, the next one asks for. Each part is a call of its own, and finds its shard, its
// leader and another try as every call does.
#ifndef FLOTILLA_CLIENT_SPREAD_CALL_H_
#define FLOTILLA_CLIENT_SPREAD_CALL_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "client/operation.h"
#include "client/route_table.h"
#include "flotilla/status.h"
#include "sharding/slot.h"

namespace flotilla::client {

class SpreadCall {
 public:
  struct Part {
    Operation operation;
    sharding::Slot slot;  // whose owner is asked
    bool ends_at_wrong_shard = false;
  };

  virtual ~SpreadCall() = default;
  // The next round; none: End.
  virtual std::vector<Part> NextParts(const RouteTable& routes) = 0;
  // The answer to a part of the latest round. An error is the call's own, once the round is over.
  virtual Status Take(size_t part, StatusOr<Result> answer) = 0;
  virtual Result End() = 0;
  // What is true about the call when a part of it failed.
  virtual Status Failure(Status of_part) const { return of_part; }
};

// Whether the operation has to be asked of several shards, or may have to.
bool IsSpread(const Operation& operation);
// Of such an operation. kInvalidArgument where no shard need be asked to refuse it.
StatusOr<std::unique_ptr<SpreadCall>> Spread(Operation operation);

// What the shards of the map own, ascending.
std::vector<sharding::Arc> ArcsOf(const RouteTable& routes);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SPREAD_CALL_H_

// What a new cluster begins with. All founders must begin with the same: it decides what their
// replicas' first state is, and from then on the state itself says it.
#ifndef FLOTILLA_NODE_FOUNDING_PLAN_H_
#define FLOTILLA_NODE_FOUNDING_PLAN_H_

#include <cstdint>
#include <string>

#include "base/coding.h"
#include "kv/limits.h"

namespace flotilla::node {

struct FoundingPlan {
  uint32_t shards = 0;
  // Replicas of every shard, from then on as well. 0: one on every founder.
  uint32_t replicas = 0;
  kv::Limits limits;
  kv::SessionLimits session_limits;

  friend bool operator==(const FoundingPlan&, const FoundingPlan&) = default;
};

void PutFoundingPlan(std::string& out, const FoundingPlan& plan);
FoundingPlan TakeFoundingPlan(Decoder& in);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_FOUNDING_PLAN_H_

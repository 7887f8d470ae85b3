#include "node/founding_plan.h"

#include "kv/limits_codec.h"

namespace flotilla::node {

void PutFoundingPlan(std::string& out, const FoundingPlan& plan) {
  PutVarint(out, plan.shards);
  PutVarint(out, plan.replicas);
  kv::PutLimits(out, plan.limits);
  kv::PutSessionLimits(out, plan.session_limits);
}

FoundingPlan TakeFoundingPlan(Decoder& in) {
  FoundingPlan plan;
  plan.shards = static_cast<uint32_t>(in.Varint());
  plan.replicas = static_cast<uint32_t>(in.Varint());
  plan.limits = kv::TakeLimits(in);
  plan.session_limits = kv::TakeSessionLimits(in);
  return plan;
}

}  // namespace flotilla::node

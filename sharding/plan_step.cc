#include "sharding/plan_step.h"

#include "base/check.h"

namespace flotilla::sharding {

namespace {

struct Describe {
  std::string operator()(const MoveReplica& s) const {
    return "move " + Shard(s) + " from " + Node(s.from) + " to " + Node(s.to);
  }
  std::string operator()(const AddReplica& s) const {
    return "add " + Shard(s) + " to " + Node(s.to);
  }
  std::string operator()(const RemoveReplica& s) const {
    return "remove " + Shard(s) + " from " + Node(s.from);
  }
  std::string operator()(const TransferLeader& s) const {
    return "transfer " + Shard(s) + " from " + Node(s.from) + " to " + Node(s.to);
  }
  std::string operator()(const SplitShard& s) const {
    return "split " + Shard(s) + " at slot " + std::to_string(s.at.value);
  }

 private:
  template <typename OneStep>
  static std::string Shard(const OneStep& step) {
    return "shard " + ToString(step.shard);
  }
  static std::string Node(NodeId node) { return "node " + ToString(node); }
};

}  // namespace

std::string_view ToString(Cause cause) {
  switch (cause) {
    case Cause::kRepair:
      return "repair";
    case Cause::kDrain:
      return "drain";
    case Cause::kRule:
      return "placement rule";
    case Cause::kSplit:
      return "size";
    case Cause::kLoadSplit:
      return "load";
    case Cause::kReplicaBalance:
      return "balance of replicas";
    case Cause::kLeaderBalance:
      return "balance of leaders";
    case Cause::kByteBalance:
      return "balance of bytes";
    case Cause::kLoadBalance:
      return "balance of load";
  }
  FLOTILLA_CHECK_MSG(false, "no such cause");
}

ShardId ShardOf(const Step& step) {
  return std::visit([](const auto& s) { return s.shard; }, step);
}

std::string ToString(const Step& step) { return std::visit(Describe{}, step); }

}  // namespace flotilla::sharding

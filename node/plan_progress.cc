#include "node/plan_progress.h"

#include <algorithm>

namespace flotilla::node {

namespace {

using sharding::AddReplica;
using sharding::MoveReplica;
using sharding::RemoveReplica;
using sharding::ReplicaRole;
using sharding::ShardClaim;
using sharding::SplitShard;
using sharding::Step;
using sharding::TransferLeader;

enum class Standing { kNone, kLearner, kVoter };

Standing StandingOf(NodeId node, const ShardClaim& shard) {
  const sharding::ReplicaPlace* const place = shard.configuration.On(node);
  if (place == nullptr) return Standing::kNone;
  return place->role == ReplicaRole::kVoter ? Standing::kVoter : Standing::kLearner;
}

bool HasCaughtUp(NodeId node, const ShardReport& shard) {
  return std::find(shard.caught_up.begin(), shard.caught_up.end(), node) != shard.caught_up.end();
}

using What = decltype(ShardOrder::what);

std::optional<What> HandOverTo(NodeId to, const ShardClaim& shard) {
  return HandOver{.term = shard.leader.term, .to = to};
}

std::optional<What> Bring(NodeId to, NodeId instead_of, const ShardReport& shard) {
  const LogIndex configuration = shard.claim.configuration.index;
  if (StandingOf(to, shard.claim) == Standing::kNone) {
    return ChangeMembers{.configuration = configuration, .add_learner = to};
  }
  if (!HasCaughtUp(to, shard)) return std::nullopt;
  return ChangeMembers{.configuration = configuration, .promote = to, .remove = instead_of};
}

std::optional<What> TakeAway(NodeId from, NodeId successor, const ShardClaim& shard) {
  if (shard.leader.node == from) return HandOverTo(successor, shard);
  return ChangeMembers{.configuration = shard.configuration.index, .remove = from};
}

// A voter that is up and not the one that leaves; `preferred` if that is one, none if there is
// none.
NodeId Successor(NodeId leaving, NodeId preferred, const ShardClaim& shard,
                 absl::FunctionRef<bool(NodeId)> is_up) {
  NodeId any;
  for (const sharding::ReplicaPlace& place : shard.configuration.replicas) {
    const bool fits = place.node != leaving && place.role == ReplicaRole::kVoter;
    if (!fits || !is_up(place.node)) continue;
    if (place.node == preferred) return preferred;
    if (any.is_none()) any = place.node;
  }
  return any;
}

struct Next {
  const StepUnderWay& under_way;
  const ShardReport& shard;
  absl::FunctionRef<bool(NodeId)> is_up;

  // One joint change swaps the two. A leader is not swapped away: the new replica becomes a voter
  // in addition, and leads before the old one goes.
  std::optional<What> operator()(const MoveReplica& move) const {
    if (StandingOf(move.to, shard.claim) == Standing::kVoter) {
      return TakeAway(move.from, move.to, shard.claim);
    }
    const bool leads = shard.claim.leader.node == move.from;
    const bool there = StandingOf(move.from, shard.claim) != Standing::kNone;
    return Bring(move.to, leads || !there ? NodeId() : move.from, shard);
  }
  std::optional<What> operator()(const AddReplica& add) const {
    return Bring(add.to, NodeId(), shard);
  }
  std::optional<What> operator()(const RemoveReplica& remove) const {
    const NodeId successor = Successor(remove.from, NodeId(), shard.claim, is_up);
    if (successor.is_none()) return std::nullopt;
    return TakeAway(remove.from, successor, shard.claim);
  }
  std::optional<What> operator()(const TransferLeader& transfer) const {
    return HandOverTo(transfer.to, shard.claim);
  }
  std::optional<What> operator()(const SplitShard& split) const {
    if (under_way.child.is_none()) return std::nullopt;
    return kv::SplitShard{
        .child = under_way.child, .at = split.at, .shard_version = under_way.shard_version};
  }
};

// The way back. A joint change in force is finished first, and what it led to is judged then.
struct Undo {
  const StepUnderWay& under_way;
  const ShardReport& shard;
  absl::FunctionRef<bool(NodeId)> is_up;

  std::optional<What> operator()(const MoveReplica& move) const {
    if (StandingOf(move.to, shard.claim) != Standing::kVoter) return RemoveLearner(move.to);
    // Somebody took the old one's vote: there is no way back, and a short one to the end.
    if (StandingOf(move.from, shard.claim) != Standing::kVoter) {
      return TakeAway(move.from, move.to, shard.claim);
    }
    // The new one votes in addition, perhaps it leads; never is a voter less than before.
    if (CountVoters(shard.claim) <= under_way.voters) return std::nullopt;
    const NodeId successor = Successor(move.to, move.from, shard.claim, is_up);
    if (successor.is_none()) return std::nullopt;
    return TakeAway(move.to, successor, shard.claim);
  }
  std::optional<What> operator()(const AddReplica& add) const { return RemoveLearner(add.to); }
  // What is still there is there; a split has happened or has not.
  std::optional<What> operator()(const RemoveReplica&) const { return std::nullopt; }
  std::optional<What> operator()(const TransferLeader&) const { return std::nullopt; }
  std::optional<What> operator()(const SplitShard&) const { return std::nullopt; }

 private:
  std::optional<What> RemoveLearner(NodeId node) const {
    if (StandingOf(node, shard.claim) != Standing::kLearner) return std::nullopt;
    return ChangeMembers{.configuration = shard.claim.configuration.index, .remove = node};
  }
};

struct Done {
  const StepUnderWay& under_way;
  const ShardClaim& shard;

  bool IsVoter(NodeId node) const { return StandingOf(node, shard) == Standing::kVoter; }
  bool IsGone(NodeId node) const { return StandingOf(node, shard) == Standing::kNone; }

  bool operator()(const MoveReplica& move) const { return IsVoter(move.to) && IsGone(move.from); }
  bool operator()(const AddReplica& add) const { return IsVoter(add.to); }
  bool operator()(const RemoveReplica& remove) const { return IsGone(remove.from); }
  bool operator()(const TransferLeader& transfer) const { return shard.leader.node == transfer.to; }
  bool operator()(const SplitShard&) const {
    return shard.descriptor.version > under_way.shard_version;
  }
};

struct Undone {
  const ShardClaim& shard;

  bool IsGone(NodeId node) const { return StandingOf(node, shard) == Standing::kNone; }

  bool operator()(const MoveReplica& move) const { return IsGone(move.to); }
  bool operator()(const AddReplica& add) const { return IsGone(add.to); }
  bool operator()(const RemoveReplica& remove) const { return !IsGone(remove.from); }
  bool operator()(const TransferLeader&) const { return true; }
  bool operator()(const SplitShard&) const { return true; }
};

}  // namespace

bool MayOrder(const StepUnderWay& under_way) {
  if (under_way.ending) return false;
  return !under_way.operation.is_none() || std::holds_alternative<TransferLeader>(under_way.step);
}

bool IsUndone(const StepUnderWay& under_way, const ShardClaim& shard) {
  return !shard.configuration.joint && std::visit(Undone{shard}, under_way.step);
}

bool IsDone(const StepUnderWay& under_way, const ShardClaim& shard) {
  return !shard.configuration.joint && std::visit(Done{under_way, shard}, under_way.step);
}

TransferMeter::Reading ProgressOf(const StepUnderWay& under_way) {
  TransferMeter::Reading reading = under_way.meter.Read();
  if (reading.bytes_total == 0 && !TargetOf(under_way.step).is_none()) {
    reading.bytes_total = under_way.shard_bytes;
  }
  return reading;
}

size_t CountVoters(const ShardClaim& shard) {
  size_t voters = 0;
  for (const sharding::ReplicaPlace& place : shard.configuration.replicas) {
    if (place.role == ReplicaRole::kVoter) ++voters;
  }
  return voters;
}

bool IsOvertaken(const StepUnderWay& under_way, const ShardClaim& shard) {
  if (shard.configuration.joint) return false;  // on its way to what will be judged
  if (std::holds_alternative<RemoveReplica>(under_way.step)) {
    return shard.configuration.index != under_way.configuration;
  }
  const auto* move = std::get_if<MoveReplica>(&under_way.step);
  // The new one is there, so the old one is one too many, unless another one has gone meanwhile.
  return move != nullptr && StandingOf(move->to, shard) == Standing::kVoter &&
         StandingOf(move->from, shard) == Standing::kVoter &&
         CountVoters(shard) <= under_way.voters;
}

std::optional<ShardOrder> NextOrder(const StepUnderWay& under_way, const ShardReport& shard,
                                    absl::FunctionRef<bool(NodeId)> is_up) {
  if (shard.claim.configuration.joint || shard.claim.leader.node.is_none()) return std::nullopt;
  if (!MayOrder(under_way)) return std::nullopt;
  const std::optional<What> what = under_way.cancelled_at.has_value()
                                       ? std::visit(Undo{under_way, shard, is_up}, under_way.step)
                                       : std::visit(Next{under_way, shard, is_up}, under_way.step);
  if (!what.has_value()) return std::nullopt;
  return ShardOrder{.shard = shard.claim.descriptor.shard, .what = *what};
}

NodeId TargetOf(const Step& step) {
  if (const auto* move = std::get_if<MoveReplica>(&step)) return move->to;
  if (const auto* add = std::get_if<AddReplica>(&step)) return add->to;
  return {};
}

NodeId BeneficiaryOf(const Step& step) {
  if (const auto* transfer = std::get_if<TransferLeader>(&step)) return transfer->to;
  return TargetOf(step);
}

NodeId SourceOf(const Step& step) {
  if (const auto* move = std::get_if<MoveReplica>(&step)) return move->from;
  if (const auto* remove = std::get_if<RemoveReplica>(&step)) return remove->from;
  return {};
}

}  // namespace flotilla::node

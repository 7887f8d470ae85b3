// How a request finds its replica.
#include <utility>

#include "base/status_macros.h"
#include "kv/command.h"
#include "node/errors.h"
#include "node/node_impl.h"

namespace flotilla::node {

namespace {

// The key that decides where a command belongs; empty where the caller must name the shard.
std::string KeyOf(const kv::Command& command) {
  if (const auto* range = std::get_if<kv::DeleteRange>(&command.operation)) return range->from;
  const std::string* key = kv::FirstKeyOf(command);
  return key == nullptr ? "" : *key;
}

std::string KeyOf(const kv::ReadRequest& read) {
  if (const auto* get = std::get_if<kv::Get>(&read.operation)) return get->key;
  if (const auto* batch = std::get_if<kv::BatchGet>(&read.operation)) {
    return batch->keys.empty() ? "" : batch->keys.front();
  }
  return std::get<kv::ScanPage>(read.operation).from;
}

// What the request holds in memory while it waits.
size_t BytesOf(const kv::ReadRequest& read) {
  if (const auto* get = std::get_if<kv::Get>(&read.operation)) return get->key.size();
  if (const auto* batch = std::get_if<kv::BatchGet>(&read.operation)) {
    size_t bytes = 0;
    for (const std::string& key : batch->keys) bytes += key.size();
    return bytes;
  }
  const auto& scan = std::get<kv::ScanPage>(read.operation);
  return scan.from.size() + scan.to.size();
}

Error TooManyPending() { return Overloaded("too many requests are pending on this node"); }

}  // namespace

std::optional<Error> NodeImpl::Admit(const RequestContext& context, Action action,
                                     std::string_view key) const {
  if (phase_ == NodePhase::kStopping) return ShuttingDown();
  if (phase_ != NodePhase::kServing) return NotReady(join_->Describe());
  const absl::Status allowed =
      env_.authorizer.Authorize(context.principal, action, {.from = key, .to = ""});
  if (!allowed.ok()) return PermissionDenied(allowed);
  return std::nullopt;
}

Replica* NodeImpl::FindReplica(ShardId shard) const {
  const auto it = replicas_.find(shard);
  return it == replicas_.end() ? nullptr : it->second.get();
}

Replica* NodeImpl::FindReplicaOr(ShardId shard,
                                 absl::AnyInvocable<void(absl::Status)>& refuse) const {
  Replica* replica = FindReplica(shard);
  if (replica == nullptr) {
    refuse(absl::NotFoundError("this node has no replica of shard " + ToString(shard)));
  }
  return replica;
}

Replica* NodeImpl::ReplicaOwning(std::string_view key) const {
  const sharding::Slot slot = sharding::SlotOf(key);
  for (const auto& [shard, replica] : replicas_) {
    if (replica->descriptor().arc.Contains(slot)) return replica.get();
  }
  return nullptr;
}

Replica* NodeImpl::ReplicaFor(const Target& target, std::string_view key) const {
  if (!target.shard.is_none()) return FindReplica(target.shard);
  if (replicas_.size() == 1 && failed_.empty()) return replicas_.begin()->second.get();
  return key.empty() ? nullptr : ReplicaOwning(key);
}

Error NodeImpl::NoReplica() const {
  // What does not run may well be what was asked for.
  if (!failed_.empty()) return ReplicaFailed(failed_.begin()->second.why);
  return starting_.empty() ? WrongShard(Route()) : NotReady("its replicas are being written");
}

void NodeImpl::Write(WriteRequest request, WriteDone done) {
  // The key is decoded only where nobody named the shard: the hot path does not look inside.
  std::string key;
  if (request.target.shard.is_none()) {
    const absl::StatusOr<kv::Command> command = kv::DecodeCommand(View(request.command));
    if (!command.ok()) {
      done({.error = InvalidRequest(command.status()), .result = {}});
      return;
    }
    key = KeyOf(*command);
  }
  std::optional<Error> refusal = Admit(request.context, Action::kWrite, key);
  Replica* replica = refusal.has_value() ? nullptr : ReplicaFor(request.target, key);
  if (!refusal.has_value() && replica == nullptr) refusal = NoReplica();
  std::optional<RequestBudget::Share> share;
  if (!refusal.has_value()) {
    share = budget_.Take(View(request.command).size());
    if (!share.has_value()) refusal = TooManyPending();
  }
  if (refusal.has_value()) {
    done({.error = *std::move(refusal), .result = {}});
    return;
  }
  if (env_.stages != nullptr && request.context.sampled) {
    env_.stages->OnStage(View(request.context.traceparent), Stage::kReceived, env_.clock.Now());
  }
  replica->Write(std::move(request), std::move(done), *std::move(share));
}

void NodeImpl::Read(ReadRequest request, ReadDone done) {
  const std::string key = KeyOf(request.read);
  std::optional<Error> refusal = Admit(request.context, Action::kRead, key);
  Replica* replica = refusal.has_value() ? nullptr : ReplicaFor(request.target, key);
  if (!refusal.has_value() && replica == nullptr) refusal = NoReplica();
  std::optional<RequestBudget::Share> share;
  if (!refusal.has_value()) {
    share = budget_.Take(BytesOf(request.read));
    if (!share.has_value()) refusal = TooManyPending();
  }
  if (refusal.has_value()) {
    done({.error = *std::move(refusal), .result = {}, .lag = {}});
    return;
  }
  replica->Read(std::move(request), std::move(done), *std::move(share));
}

void NodeImpl::ChangeMembership(ShardId shard, const raft::ConfigurationChange& change,
                                absl::AnyInvocable<void(absl::Status)> done) {
  if (Replica* replica = FindReplicaOr(shard, done)) {
    replica->ChangeMembership(change, std::move(done));
  }
}

void NodeImpl::TransferLeadership(ShardId shard, NodeId target,
                                  absl::AnyInvocable<void(absl::Status)> done) {
  if (Replica* replica = FindReplicaOr(shard, done)) {
    replica->TransferLeadership(target, std::move(done));
  }
}

void NodeImpl::SplitShard(ShardId shard, const kv::SplitShard& split,
                          absl::AnyInvocable<void(absl::Status)> done) {
  Replica* const replica = FindReplicaOr(shard, done);
  if (replica == nullptr) return;
  if (IsTaken(split.child)) {
    return done(absl::InvalidArgumentError("there is, or was, a shard " + ToString(split.child)));
  }
  replica->Split(split, std::move(done));
}

Route NodeImpl::RouteOf(std::string_view key) const {
  const Replica* replica = ReplicaOwning(key);
  return replica == nullptr ? Route() : replica->CurrentRoute();
}

std::vector<std::pair<sharding::ShardDescriptor, Route>> NodeImpl::ShardMap() const {
  std::vector<std::pair<sharding::ShardDescriptor, Route>> map;
  for (const auto& [shard, replica] : replicas_) {
    if (replica->descriptor().shard.is_none()) continue;  // waits for its first snapshot
    map.emplace_back(replica->descriptor(), replica->CurrentRoute());
  }
  return map;
}

}  // namespace flotilla::node

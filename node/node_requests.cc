// How a request finds its replica.
#include <utility>

#include "base/status_macros.h"
#include "kv/command.h"
#include "kv/directory.h"
#include "node/errors.h"
#include "node/node_impl.h"

namespace flotilla::node {

namespace {

// The key that decides where a command belongs; of a range it decides nothing.
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

// One shard's keys would be taken for all.
Error SeveralShards() {
  return InvalidRequest(absl::InvalidArgumentError(
      "a range has keys in every shard, and there are several: name one with shard_id, or let the "
      "client library or a Scan stream ask all of them"));
}

Error NotHere(sharding::Slot slot) {
  Error error = WrongShard(Route());
  error.message = "this node has no replica of the shard with slot " + std::to_string(slot.value) +
                  ": ask a node that has one";
  return error;
}

Error TooManyPending() { return Overloaded("too many requests are pending on this node"); }

}  // namespace

std::optional<Error> NodeImpl::Admit(const RequestContext& context, Action action,
                                     const Target& target, std::string_view key) const {
  if (phase_ == NodePhase::kStopping) return ShuttingDown();
  if (phase_ != NodePhase::kServing) return NotReady(join_->Describe());
  if (target.shard == kv::kDirectoryShard) {
    return InvalidRequest(absl::InvalidArgumentError("the directory is not for clients"));
  }
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

Replica* NodeImpl::ReplicaOwning(sharding::Slot slot) const {
  for (const auto& [shard, replica] : replicas_) {
    // One that waits for its first snapshot does not know what it owns.
    const sharding::ShardDescriptor& own = replica->descriptor();
    if (shard == kv::kDirectoryShard || own.shard.is_none()) continue;
    if (own.arc.Contains(slot)) return replica.get();
  }
  return nullptr;
}

Replica* NodeImpl::ReplicaFor(const Target& target, std::string_view key) const {
  if (!target.shard.is_none()) return FindReplica(target.shard);
  if (!key.empty()) return ReplicaOwning(sharding::SlotOf(key));
  // What has no key, such as a session to be opened, is for the only shard, if there is just one.
  const sharding::Arc whole;
  for (const auto& [shard, replica] : replicas_) {
    if (shard != kv::kDirectoryShard && replica->descriptor().arc == whole) return replica.get();
  }
  return nullptr;
}

std::optional<Error> NodeImpl::NameOnlyShard(Target& target, uint64_t& version) const {
  std::optional<sharding::ShardDescriptor> only;
  for (const auto& [shard, replica] : replicas_) {
    if (shard == kv::kDirectoryShard || replica->descriptor().shard.is_none()) continue;
    if (only.has_value()) return SeveralShards();
    only = replica->descriptor();
  }
  const std::map<ShardId, sharding::MappedShard>& mapped = reporter_->map().shards();
  if (!only.has_value()) {
    if (!failed_.empty() || mapped.empty()) return NoReplica(target, "");
    only = mapped.begin()->second.claim.descriptor;
  }
  if (!only->arc.IsWholeRing()) return SeveralShards();
  target.shard = only->shard;
  // In the state that is read or changed it may have been split.
  version = only->version;
  return std::nullopt;
}

std::optional<Error> NodeImpl::NameShardOf(sharding::Slot slot, Target& target) const {
  if (const Replica* replica = ReplicaOwning(slot)) {
    target.shard = replica->descriptor().shard;
  } else if (const sharding::MappedShard* known = reporter_->map().Find(slot)) {
    target.shard = known->claim.descriptor.shard;
  } else {
    return NotHere(slot);
  }
  return std::nullopt;
}

std::optional<Error> NodeImpl::NameShardOfPage(Target& target, kv::ScanPage& page) const {
  if (!target.shard.is_none()) return std::nullopt;
  // Who names slots looks at what the page is of.
  if (page.slots.has_value()) return NameShardOf(page.slots->first, target);
  return NameOnlyShard(target, page.shard_version);
}

Error NodeImpl::Elsewhere(const Target& target, std::string_view key) const {
  const sharding::MappedShard* const known = Mapped(target, key);
  return WrongShard(known == nullptr ? Route() : RouteTo(*known));
}

Error NodeImpl::NoReplica(const Target& target, std::string_view key) const {
  // What does not run may well be what was asked for.
  const auto failed = target.shard.is_none() ? failed_.begin() : failed_.find(target.shard);
  if (failed != failed_.end()) return ReplicaFailed(failed->second.why);
  return starting_.empty() ? Elsewhere(target, key) : NotReady("its replicas are being written");
}

void NodeImpl::Write(WriteRequest request, WriteDone done) {
  // The key is decoded only where nobody named the shard: the hot path does not look inside.
  std::string key;
  absl::StatusOr<kv::Command> command = kv::Command();
  if (request.target.shard.is_none()) {
    command = kv::DecodeCommand(View(request.command));
    if (!command.ok()) {
      done({.error = InvalidRequest(command.status()), .result = {}});
      return;
    }
    key = KeyOf(*command);
  }
  std::optional<Error> refusal = Admit(request.context, Action::kWrite, request.target, key);
  if (auto* range = std::get_if<kv::DeleteRange>(&command->operation); range && !refusal) {
    refusal = NameOnlyShard(request.target, range->shard_version);
    request.command = MakeBytes(kv::EncodeCommand(*command));
  }
  Replica* replica = refusal.has_value() ? nullptr : ReplicaFor(request.target, key);
  const NodeId elsewhere = replica != nullptr ? NodeId() : RemoteLeader(request.target, key);
  if (!refusal.has_value() && replica == nullptr && elsewhere.is_none()) {
    refusal = NoReplica(request.target, key);
  }
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
  if (replica != nullptr) {
    replica->Write(std::move(request), std::move(done), *std::move(share));
    return;
  }
  metrics_.writes_forwarded.Add();
  forwarder_.Write(elsewhere, std::move(request),
                   [share = *std::move(share), done = std::move(done)](WriteReply reply) mutable {
                     done(std::move(reply));
                   });
  ScheduleTurn();
}

void NodeImpl::Read(ReadRequest request, ReadDone done) {
  const std::string key = KeyOf(request.read);
  std::optional<Error> refusal = Admit(request.context, Action::kRead, request.target, key);
  if (auto* page = std::get_if<kv::ScanPage>(&request.read.operation); page && !refusal) {
    refusal = NameShardOfPage(request.target, *page);
  }
  Replica* replica = refusal.has_value() ? nullptr : ReplicaFor(request.target, key);
  const NodeId elsewhere = replica != nullptr ? NodeId() : RemoteLeader(request.target, key);
  if (!refusal.has_value() && replica == nullptr && elsewhere.is_none()) {
    refusal = NoReplica(request.target, key);
  }
  std::optional<RequestBudget::Share> share;
  if (!refusal.has_value()) {
    share = budget_.Take(BytesOf(request.read));
    if (!share.has_value()) refusal = TooManyPending();
  }
  if (refusal.has_value()) {
    done({.error = *std::move(refusal), .result = {}, .lag = {}});
    return;
  }
  if (replica != nullptr) {
    replica->Read(std::move(request), std::move(done), *std::move(share));
    return;
  }
  forwarder_.Read(elsewhere, std::move(request),
                  [share = *std::move(share), done = std::move(done)](ReadReply reply) mutable {
                    done(std::move(reply));
                  });
  ScheduleTurn();
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
  if (split.child >= kv::kFirstNamedShard) {
    return done(absl::InvalidArgumentError("shard ids from " + ToString(kv::kFirstNamedShard) +
                                           " on are the directory's to give"));
  }
  if (IsTaken(split.child)) {
    return done(absl::InvalidArgumentError("there is, or was, a shard " + ToString(split.child)));
  }
  replica->Split(split, std::move(done));
}

}  // namespace flotilla::node

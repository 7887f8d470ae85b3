// How replicas come to this node and leave it, and how peers' messages reach them.
#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "node/errors.h"
#include "node/node_impl.h"

namespace flotilla::node {

void NodeImpl::OpenReplicas(const storage::Recovery& recovery) {
  for (const storage::RecoveredTombstone& tombstone : recovery.tombstones) {
    lowest_allowed_[tombstone.group] = tombstone.lowest_allowed;
  }
  std::vector<std::pair<ShardId, Generation>> live;
  for (const storage::RecoveredGroup& group : recovery.groups) {
    live.emplace_back(group.group, group.generation);
  }
  if (const absl::Status removed = folder_->RemoveUnnamedGenerations(live); !removed.ok()) {
    env_.logger.Warning("cleanup_failed", {{"error", std::string(StdView(removed.message()))}});
  }
  for (const storage::RecoveredGroup& group : recovery.groups) {
    absl::StatusOr<ReplicaStart> start = OpenRecovered(group, *context_);
    if (!start.ok()) {
      env_.logger.Error(
          "replica_failed",
          {{"shard", group.group}, {"error", std::string(StdView(start.status().message()))}});
      Failed(group.group, group.replica, group.generation, start.status());
      continue;
    }
    Run(*std::move(start));
  }
}

void NodeImpl::Run(ReplicaStart start) {
  start.seed = random_.Next();
  const ShardId shard = start.raft.group;
  env_.logger.Info(
      "replica_started",
      {{"shard", shard}, {"replica", start.raft.self.replica}, {"applied", start.raft.applied}});
  replicas_[shard] = Replica::Create(std::move(start), *context_);
  if (!std::exchange(log_marked_, true)) {
    // Its record is durable. A mark that fails is made at the next start.
    cleanup_->Run([folder = folder_.get()] { (void)folder->MarkLogInUse(); }, [] {});
  }
  Touch(shard);
}

void NodeImpl::FoundMissingReplicas() {
  for (const sharding::ShardDescriptor& shard : FoundingShards(folder_->identity().plan.shards)) {
    Found(shard);
  }
  Found({.shard = kv::kDirectoryShard, .arc = {}, .version = 1});
}

void NodeImpl::Found(const sharding::ShardDescriptor& shard) {
  const FoundingGroup group = FoundersOf(shard.shard, folder_->identity());
  const bool founder = std::any_of(group.members.begin(), group.members.end(),
                                   [&](const NodeAddress& a) { return a.node == options_.node; });
  if (!founder) return;
  const bool campaign = group.first_leader == options_.node;
  const bool known = replicas_.contains(shard.shard) || failed_.contains(shard.shard) ||
                     lowest_allowed_.contains(shard.shard) || starting_.contains(shard.shard);
  if (known) return;
  starting_[shard.shard] = FoundReplica(
      shard, *context_,
      [this, alive = std::weak_ptr<bool>(alive_), id = shard.shard,
       campaign](absl::StatusOr<ReplicaStart> start) {
        if (alive.expired()) return;
        starting_.erase(id);
        if (!start.ok()) {
          env_.logger.Error(
              "replica_founding_failed",
              {{"shard", id}, {"error", std::string(StdView(start.status().message()))}});
          return;
        }
        Run(*std::move(start));
        if (campaign) replicas_[id]->Campaign();
      });
}

void NodeImpl::OnPeerMessage(NodeId from, PeerChannel, std::string_view bytes) {
  if (phase_ == NodePhase::kFailed) return;
  const absl::Status read =
      ReadEnvelope(bytes, env_.clock.Now(), [&](PeerItem item) { Deliver(from, std::move(item)); });
  if (!read.ok()) {
    env_.logger.Error("peer_message_refused",
                      {{"peer", from}, {"error", std::string(StdView(read.message()))}});
  }
}

void NodeImpl::Deliver(NodeId from, PeerItem item) {
  if (auto* message = std::get_if<raft::Message>(&item)) {
    DeliverRaft(from, std::move(*message));
  } else if (auto* write = std::get_if<ForwardedWrite>(&item)) {
    Write(std::move(write->request), [this, from, id = write->id](WriteReply reply) {
      outbox_.Add(from, WriteAnswer{.id = id, .reply = std::move(reply)});
      ScheduleTurn();
    });
  } else if (auto* read = std::get_if<ForwardedRead>(&item)) {
    Read(std::move(read->request), [this, from, id = read->id](ReadReply reply) {
      outbox_.Add(from, ReadAnswer{.id = id, .reply = std::move(reply)});
      ScheduleTurn();
    });
  } else if (auto* written = std::get_if<WriteAnswer>(&item)) {
    forwarder_.OnAnswer(std::move(*written));
  } else if (auto* answered = std::get_if<ReadAnswer>(&item)) {
    forwarder_.OnAnswer(std::move(*answered));
  } else if (auto* offer = std::get_if<SnapshotOffer>(&item)) {
    if (Replica* replica = FindReplica(offer->group)) replica->OnSnapshotOffer(*offer);
  } else if (auto* data = std::get_if<SnapshotData>(&item)) {
    const ShardId group = data->group;
    if (Replica* replica = FindReplica(group)) replica->OnSnapshotData(std::move(*data));
  } else if (auto* answer = std::get_if<SnapshotAnswer>(&item)) {
    if (Replica* replica = FindReplica(answer->group)) replica->OnSnapshotAnswer(*answer);
  } else if (auto* repair = std::get_if<RepairRequest>(&item)) {
    // A node speaks for its own replica only.
    Replica* replica = FindReplica(repair->group);
    if (replica != nullptr && repair->failed.node == from) replica->OnRepairRequest(*repair);
  } else if (auto* question = std::get_if<MembershipQuestion>(&item)) {
    OnMembershipQuestion(from, *question);
  } else if (auto* answered_membership = std::get_if<MembershipAnswer>(&item)) {
    OnMembershipAnswer(*answered_membership);
  } else if (auto* flush = std::get_if<SplitPreparationRequest>(&item)) {
    Replica* replica = FindReplica(flush->group);
    if (replica != nullptr && flush->from.node == from) replica->OnSplitPreparationRequest(*flush);
  } else if (auto* flushed = std::get_if<SplitPreparationAnswer>(&item)) {
    Replica* replica = FindReplica(flushed->group);
    if (replica != nullptr && flushed->from.node == from)
      replica->OnSplitPreparationAnswer(*flushed);
  } else if (auto* report = std::get_if<DirectoryReport>(&item)) {
    OnDirectoryReport(from, std::move(*report));
  } else if (auto* update = std::get_if<DirectoryUpdate>(&item)) {
    OnDirectoryUpdate(from, *update);
  } else if (auto* order = std::get_if<ShardOrder>(&item)) {
    Obey(*order);
  }
}

void NodeImpl::DeliverRaft(NodeId from, raft::Message message) {
  // Nobody speaks for another node, and what was meant for another node's replica is not ours.
  if (message.from.node != from || message.to.node != options_.node) return;
  const ShardId shard = message.group;
  const ReplicaId target = message.to.replica;
  if (Replica* replica = FindReplica(shard)) {
    if (target == replica->self().replica) {
      // Whoever campaigns although it was removed has not heard of it.
      const bool campaigns = std::holds_alternative<raft::VoteRequest>(message.body);
      if (const auto known = campaigns ? replica->MembershipOf(message.from) : std::nullopt;
          known.has_value() && known->incarnation.is_none()) {
        outbox_.Add(from, *known);
        ScheduleTurn();
      }
      replica->Receive(std::move(message));
      return;
    }
  }
  // Only a committed entry makes a member, and only for the disk that this node had then.
  if (MayBecome(shard, target)) {
    outbox_.Add(from, MembershipQuestion{.group = shard, .member = message.to});
    ScheduleTurn();
  }
}

// Whether a replica under this id could begin its life here.
bool NodeImpl::MayBecome(ShardId shard, ReplicaId replica) const {
  if (phase_ != NodePhase::kServing || replica.is_none() || starting_.contains(shard)) return false;
  // A founder's replica is written by this node itself, not because a message asks for it.
  const Identity& identity = folder_->identity();
  if (replica.value() <= FoundersOf(shard, identity).members.size()) return false;
  if (WasRemoved(shard, replica)) return false;
  const auto failed = failed_.find(shard);
  if (failed != failed_.end() && replica <= failed->second.replica) return false;
  const Replica* running = FindReplica(shard);
  return running == nullptr || replica > running->self().replica;
}

void NodeImpl::OnMembershipQuestion(NodeId from, const MembershipQuestion& question) {
  const Replica* replica = FindReplica(question.group);
  if (replica == nullptr || question.member.node != from) return;
  if (const auto answer = replica->MembershipOf(question.member); answer.has_value()) {
    outbox_.Add(from, *answer);
    ScheduleTurn();
  }
}

void NodeImpl::OnMembershipAnswer(const MembershipAnswer& answer) {
  const auto [node, replica] = answer.member;
  if (node != options_.node) return;
  if (answer.incarnation.is_none()) {
    RemoveReplica(answer.group, replica);
  } else if (answer.incarnation != folder_->identity().incarnation) {
    Fatal(absl::FailedPreconditionError(
        "node " + ToString(node) + " is a member of shard " + ToString(answer.group) +
        " with another disk than this one, which was lost or wiped: start it under a new node id"));
  } else if (MayBecome(answer.group, replica) && !IsAwaitedFromParent(answer)) {
    // The group has removed the replica that runs, if one does, and added the node again.
    if (const Replica* running = FindReplica(answer.group)) {
      RemoveReplica(answer.group, running->self().replica);
    }
    CreateReplica(answer.group, replica);
  }
}

// Begins an empty replica, in place of none or of one that failed.
void NodeImpl::CreateReplica(ShardId shard, ReplicaId replica) {
  if (!starting_.emplace(shard, nullptr).second) return;
  CreateEmptyReplica(
      shard, replica, *context_,
      [this, alive = std::weak_ptr<bool>(alive_), shard](absl::StatusOr<ReplicaStart> start) {
        if (alive.expired()) return;
        starting_.erase(shard);
        failed_.erase(shard);
        if (start.ok()) Run(*std::move(start));
      });
}

bool NodeImpl::WasRemoved(ShardId shard, ReplicaId replica) const {
  const auto lowest = lowest_allowed_.find(shard);
  return lowest != lowest_allowed_.end() && replica < lowest->second;
}

// Whether nothing is left to be done for this node to have that replica, or a later one.
bool NodeImpl::IsSettled(ShardId shard, ReplicaId replica) const {
  return replicas_.contains(shard) || failed_.contains(shard) || WasRemoved(shard, replica);
}

bool NodeImpl::IsTaken(ShardId shard) const {
  return shard.value() <= folder_->identity().plan.shards || shard == kv::kDirectoryShard ||
         reporter_->map().FindShard(shard) != nullptr || replicas_.contains(shard) ||
         failed_.contains(shard) || starting_.contains(shard) || lowest_allowed_.contains(shard);
}

// The parent's replica under the same id, which is still on its way to the split, will make this
// one out of its own state. An empty one now would need all of that sent by another node; and until
// then, the state here would be swept away as what the parent no longer owns.
bool NodeImpl::IsAwaitedFromParent(const MembershipAnswer& answer) const {
  if (!answer.origin.has_value()) return false;
  const auto& [parent, split] = *answer.origin;
  if (starting_.contains(parent)) return true;
  const ReplicaId same = answer.member.replica;
  const auto failed = failed_.find(parent);
  if (failed != failed_.end()) return failed->second.replica == same && MayPass(failed->second.why);
  const Replica* replica = FindReplica(parent);
  return replica != nullptr && replica->self().replica == same && !replica->HasPassedSplit(split);
}

void NodeImpl::RunChild(ReplicaStart start, ShardId parent, bool campaign) {
  const ShardId child = start.raft.group;
  // One that began empty, while the parent's replica was not here, will be sent all this.
  if (IsSettled(child, start.raft.self.replica) || !starting_.emplace(child, nullptr).second) {
    start.state = {};  // closes its engine
    RemoveFolder(folder_->GenerationPath(child, start.generation));
    Touch(parent);
    return;
  }
  NameInLog(std::move(start), *context_,
            [this, alive = std::weak_ptr<bool>(alive_), child, parent,
             campaign](absl::StatusOr<ReplicaStart> named) {
              if (alive.expired()) return;
              starting_.erase(child);
              Run(*std::move(named));
              if (campaign) replicas_[child]->CampaignAsChild();
              Touch(parent);
            });
}

// To everyone, for who leads knows that it is meant: that an unfit replica be replaced; and whether
// one that hears of no leader was removed while it was away.
void NodeImpl::AskAboutReplicas() {
  const auto ask = [this](const auto& question) {
    for (const NodeId peer : connected_) outbox_.Add(peer, question);
  };
  // Only damage asks for a successor: whatever else keeps a replica from running, its state is
  // whole.
  const auto ask_about = [&](ShardId shard, const raft::Member& member, const absl::Status& why) {
    if (absl::IsDataLoss(why)) {
      ask(RepairRequest{.group = shard, .failed = member});
    } else {
      ask(MembershipQuestion{.group = shard, .member = member});
    }
  };
  for (const auto& [shard, failed] : failed_) {
    ask_about(shard, {options_.node, failed.replica}, failed.why);
  }
  for (const auto& [shard, replica] : replicas_) {
    if (replica->HasLeader()) continue;
    ask_about(shard, replica->self(), replica->failure().value_or(absl::OkStatus()));
  }
}

void NodeImpl::OnReplicaFailed(ShardId shard, ReplicaId replica) {
  const auto it = replicas_.find(shard);
  if (it == replicas_.end() || it->second->self().replica != replica) return;
  const absl::Status why = it->second->failure().value_or(absl::OkStatus());
  if (!MayPass(why)) return;
  const Generation generation = it->second->generation();
  // Closes its engine.
  replicas_.erase(it);
  Failed(shard, replica, generation, why);
}

void NodeImpl::Failed(ShardId shard, ReplicaId replica, Generation generation, absl::Status why) {
  const MonoTime retry_at = reopen_backoffs_[shard].Failed(env_.clock.Now());
  failed_[shard] = {replica, generation, std::move(why), retry_at};
}

void NodeImpl::ReopenReplicas() {
  const bool stops = phase_ == NodePhase::kStopping || phase_ == NodePhase::kFailed;
  if (stops || context_->disk_low) return;
  for (const auto& [shard, failed] : failed_) {
    if (!MayPass(failed.why) || env_.clock.Now() < failed.retry_at) continue;
    if (!starting_.emplace(shard, nullptr).second) continue;
    starting_[shard] = ReopenReplica(
        shard, *context_,
        [this, alive = std::weak_ptr<bool>(alive_), id = shard, replica = failed.replica,
         generation = failed.generation](absl::StatusOr<ReplicaStart> start) {
          if (alive.expired()) return;
          starting_.erase(id);
          if (start.ok()) {
            failed_.erase(id);
            Run(*std::move(start));
            return;
          }
          env_.logger.Error(
              "replica_reopen_failed",
              {{"shard", id}, {"error", std::string(StdView(start.status().message()))}});
          Failed(id, replica, generation, start.status());
        });
  }
}

// The group has removed this replica for good.
void NodeImpl::RemoveReplica(ShardId shard, ReplicaId replica) {
  const auto running = replicas_.find(shard);
  const auto failed = failed_.find(shard);
  std::shared_ptr<Replica> removed;
  std::string folder;
  if (running != replicas_.end() && running->second->self().replica == replica) {
    removed = std::move(running->second);
    folder = folder_->GenerationPath(shard, removed->generation());
    replicas_.erase(running);
  } else if (failed != failed_.end() && failed->second.replica == replica) {
    // It may be on its way back; what else starts is its successor.
    std::erase_if(starting_, [shard = shard](const auto& starting) {
      return starting.first == shard && starting.second != nullptr;
    });
    folder = folder_->GenerationPath(shard, failed->second.generation);
    failed_.erase(failed);
  } else {
    return;
  }
  env_.logger.Info("replica_removed", {{"shard", shard}, {"replica", replica}});
  const ReplicaId lowest(replica.value() + 1);
  lowest_allowed_[shard] = lowest;
  // Its state goes only after the tombstone is durable: until then a restart would still run it.
  // Only its own: a successor may be receiving another generation already. What never ran goes at
  // the next start.
  log_->Append(shard, storage::TombstoneRecord{.lowest_allowed = lowest},
               [this, alive = std::weak_ptr<bool>(alive_), folder = std::move(folder)] {
                 if (!alive.expired() && !folder.empty()) RemoveFolder(folder);
               });
  // Last: an answer may bring the next request.
  if (removed != nullptr) removed->FailAll(Elsewhere({.shard = shard}, ""));
  ScheduleTurn();
}

void NodeImpl::RemoveFolder(std::string folder) {
  cleanup_->Run([disk = &env_.disk, folder = std::move(folder)] { (void)disk->RemoveTree(folder); },
                [] {});
}

}  // namespace flotilla::node

// One shard becomes two (design brief, section 6). The leader has the members prepare, then
// proposes the split as one command. Whoever applies it stops behind that entry and makes its
// replica of the child, and names that in the log. The record is the only commit point; until it is
// durable nothing more is applied here, so a replica that finds itself at the split after a
// restart, without a trace of the child, does the same again.
//
//   Split --> members flush, and make a draft of the child --> SplitShard command --> applied
//   applied at the split --> draft durable --> named in the log --> runs
//                        \-> no draft: flushed --> copy, opened as the child --> named --> runs
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "kv/command.h"
#include "kv/directory.h"
#include "node/errors.h"
#include "node/replica.h"
#include "node/replica_alive.h"
#include "node/replica_start.h"
#include "raft/quorum.h"

namespace flotilla::node {

namespace {

// For a majority to be prepared.
constexpr Duration kPreparationLimit = std::chrono::seconds(60);
// For the others. Who is prepared late copies at the split, beside those who then elect a leader.
constexpr Duration kPreparationOfAllLimit = std::chrono::seconds(1);
// Before a copy of the state that failed is tried again.
constexpr Duration kCopyPause = std::chrono::seconds(1);

absl::Status ToStatus(const WriteReply& reply) {
  if (!reply.error.ok()) {
    const std::string& message = reply.error.message;
    if (reply.error.outcome == Outcome::kUnknown) return absl::AbortedError(message);
    return {reply.error.code, message};
  }
  if (reply.result.code == kv::ResultCode::kOk) return absl::OkStatus();
  return absl::FailedPreconditionError(std::string(kv::ToString(reply.result.code)));
}

}  // namespace

void Replica::Split(const kv::SplitShard& split, absl::AnyInvocable<void(absl::Status)> done) {
  if (failure_.has_value()) return done(Annotate(*failure_, "the replica failed"));
  if (!IsLeader()) return done(NotTheLeader());
  if (shard_ == kv::kDirectoryShard) {
    return done(absl::InvalidArgumentError("the directory is one shard for ever"));
  }
  if (preparing_split_.has_value()) {
    return done(absl::UnavailableError("the shard is being split already"));
  }
  const sharding::ShardDescriptor& own = applied_.descriptor;
  if (split.shard_version != own.version) {
    return done(absl::FailedPreconditionError("the shard is of version " +
                                              std::to_string(own.version) + ", not " +
                                              std::to_string(split.shard_version)));
  }
  if (!own.arc.IsCutBy(split.at)) {
    return done(absl::InvalidArgumentError("slot " + std::to_string(split.at.value) +
                                           " does not cut the arc from " +
                                           std::to_string(own.arc.first.value) + " to " +
                                           std::to_string(own.arc.last.value) + " in two"));
  }
  preparing_split_ = {.split = split,
                      .done = std::move(done),
                      .flush_upto = applied_.index,
                      .durable = {},
                      .majority_is_enough_at = Now() + kPreparationOfAllLimit,
                      .give_up_at = Now() + kPreparationLimit};
  ContinuePreparingSplit();
}

// Asks again on every tick: a message may have been lost, and a flush takes its time.
void Replica::ContinuePreparingSplit() {
  if (!preparing_split_.has_value()) return;
  SplitPreparation& preparation = *preparing_split_;
  if (Now() >= preparation.give_up_at) {
    AbortPreparingSplit(absl::UnavailableError("a majority has not flushed in time"));
    return;
  }
  const SplitPreparationRequest request{.group = shard_,
                                        .from = self_,
                                        .flush_upto = preparation.flush_upto,
                                        .child = preparation.split.child,
                                        .shard_version = preparation.split.shard_version};
  preparation.durable[self_.replica] = PrepareSplit(request);
  const auto durable = [&](ReplicaId replica) {
    const auto known = preparation.durable.find(replica);
    return known == preparation.durable.end() ? LogIndex() : known->second;
  };
  const raft::Configuration& configuration = core_.configuration();
  const std::vector<raft::Member> members = configuration.AllMembers();
  const bool all = std::all_of(members.begin(), members.end(), [&](const raft::Member& member) {
    return durable(member.replica) >= preparation.flush_upto;
  });
  const uint64_t majority =
      raft::QuorumValue(configuration, [&](ReplicaId replica) { return durable(replica).value(); });
  const bool is_enough =
      Now() >= preparation.majority_is_enough_at && majority >= preparation.flush_upto.value();
  if (all || is_enough) ProposeSplit();
  if (!preparing_split_.has_value()) return;
  for (const raft::Member& member : members) {
    if (member != self_) context_.outbox.Add(member.node, request);
  }
  Touch();
}

// Returns how far the engine is durable, none while the draft of the child is being made.
LogIndex Replica::PrepareSplit(const SplitPreparationRequest& request) {
  EnsureFlushed(std::min(request.flush_upto, applied_.index));
  // A request may come long after the split, or before this member has come as far as the leader.
  const bool fits = request.shard_version == applied_.descriptor.version;
  if (request.child.is_none() || !fits) return durable_.index;
  child_.Want(request.child, request.shard_version);
  return child_.IsSettled(request.child) ? durable_.index : LogIndex();
}

void Replica::ContinuePreparingChild() {
  const std::optional<LogIndex> upto = child_.AwaitsFlush();
  // It may be ahead of what is known here to be applied.
  if (!upto.has_value() || applied_.index < *upto) return;
  if (EnsureFlushed(*upto)) child_.Flushed();
}

void Replica::OnSplitPreparationRequest(const SplitPreparationRequest& request) {
  if (failure_.has_value() || !applier_.has_state() || install_.has_value()) return;
  context_.outbox.Add(
      request.from.node,
      SplitPreparationAnswer{.group = shard_, .from = self_, .durable = PrepareSplit(request)});
  Touch();
}

void Replica::OnSplitPreparationAnswer(const SplitPreparationAnswer& answer) {
  if (!preparing_split_.has_value()) return;
  preparing_split_->durable[answer.from.replica] = answer.durable;
}

void Replica::ProposeSplit() {
  const raft::RaftStatus status = core_.Status();
  // The child begins with the configuration as it is: not in the middle of a change.
  if (status.configuration.IsJoint() || !status.configuration_committed) return;
  SplitPreparation preparation = *std::exchange(preparing_split_, std::nullopt);
  RunCommand(preparation.split, [done = std::move(preparation.done)](
                                    const WriteReply& reply) mutable { done(ToStatus(reply)); });
}

void Replica::AbortPreparingSplit(const absl::Status& why) {
  if (!preparing_split_.has_value()) return;
  SplitPreparation preparation = *std::exchange(preparing_split_, std::nullopt);
  preparation.done(why);
}

// Whether this member has to make its replica of the child before it applies anything more. A
// replica that was added later than the split is none of the child's members.
bool Replica::OwesChild() const {
  return applied_.StandsAtSplit() && applied_.configuration.IsMember(self_.replica) &&
         !context_.is_settled(applied_.last_split->child.shard, self_.replica);
}

void Replica::MakeChild() {
  if (making_child_ || applying_ || installing_ || Now() < copy_again_at_) return;
  const ShardId child = applied_.last_split->child.shard;
  if (std::optional<ChildPreparation::Ready> ready = child_.Take(child, applied_.index)) {
    making_child_ = true;
    OnChildMade(StartOfChild(ready->generation), std::move(ready->child), "a draft");
    return;
  }
  if (child_.IsFlushing(child)) return;
  child_.Drop();
  // The flush goes first and ends last.
  const bool flushed = EnsureFlushed(applied_.index);
  if (!child_generation_.has_value()) {
    child_generation_ = context_.NewGeneration();
    applier_.PrepareChild(context_.env.disk,
                          context_.folder.GenerationPath(child, *child_generation_));
  }
  if (!flushed) return;
  making_child_ = true;
  applier_.MakeChild(
      context_.env.disk, context_.env.engines,
      Alive([this, start = StartOfChild(*std::exchange(child_generation_, std::nullopt))](
                absl::StatusOr<Applier::Child> made) mutable {
        OnChildMade(std::move(start), std::move(made), "the state");
      }));
}

ReplicaStart Replica::StartOfChild(Generation generation) const {
  ReplicaStart start;
  start.generation = generation;
  start.raft.group = applied_.last_split->child.shard;
  start.raft.self = self_;
  start.raft.hard_state = {.term = applied_.term, .vote = {}, .commit = applied_.index};
  start.raft.snapshot = applied_.Meta();
  start.raft.applied = applied_.index;
  return start;
}

void Replica::OnChildMade(ReplicaStart start, absl::StatusOr<Applier::Child> child,
                          std::string_view made_of) {
  const ShardId shard = start.raft.group;
  if (!child.ok()) {
    context_.env.logger.Error("shard_split_failed",
                              {{"shard", shard_},
                               {"child", shard},
                               {"error", std::string(StdView(child.status().message()))}});
    if (absl::IsDataLoss(child.status())) Fail(Annotate(child.status(), "cannot copy the state"));
    making_child_ = false;
    copy_again_at_ = Now() + kCopyPause;
    // Until then nothing is applied here; another member may go on.
    GiveUpLeadership();
    return;
  }
  context_.env.logger.Info("shard_split", {{"shard", shard_},
                                           {"child", shard},
                                           {"index", start.raft.applied},
                                           {"made_of", std::string(made_of)}});
  start.engine_note = std::move(child->note);
  start.state = std::move(child->state);
  context_.run_child(std::move(start), shard_, /*campaign=*/IsLeader());
}

void Replica::CampaignAsChild(int attempts) {
  constexpr Duration kPause = std::chrono::milliseconds(5);
  if (failure_.has_value() || HasLeader() || attempts == 0) return;
  const raft::Role role = core_.role();
  if (role == raft::Role::kFollower || role == raft::Role::kPreCandidate) Campaign();
  context_.env.executor.PostAt(Now() + kPause,
                               Alive([this, attempts] { CampaignAsChild(attempts - 1); }));
}

// One page at a time, on every tick at most: clients come first. None while another split is being
// prepared: what is deleted then would have to be flushed at the split, when everything waits.
void Replica::MaybeSweep() {
  if (!IsLeader() || sweeping_ || !applied_.sweep_from.has_value()) return;
  if (preparing_split_.has_value()) return;
  sweeping_ = true;
  RunCommand(kv::SweepShard{}, Alive([this](const WriteReply&) { sweeping_ = false; }));
}

}  // namespace flotilla::node

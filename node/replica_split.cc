// One shard becomes two (design brief, section 6). The leader has the members flush, then proposes
// the split as one command. Whoever applies it stops behind that entry and makes its replica of the
// child: a copy of the flushed state, opened as the child's, and named in the log. That record is
// the only commit point; until it is durable nothing more is applied here, so a replica that finds
// itself at the split after a restart, without a trace of the child, does the same again.
//
//   Split --> flush here and at a majority --> SplitShard command --> applied
//   applied at the split --> flushed? --> copy, opened as the child --> named in the log --> runs
#include <utility>

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

// For a majority to flush what it has.
constexpr Duration kPreparationLimit = std::chrono::seconds(60);
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
  EnsureFlushed(preparation.flush_upto);
  preparation.durable[self_.replica] = durable_.index;
  const uint64_t flushed = raft::QuorumValue(core_.configuration(), [&](ReplicaId replica) {
    const auto known = preparation.durable.find(replica);
    return known == preparation.durable.end() ? 0 : known->second.value();
  });
  if (flushed >= preparation.flush_upto.value()) {
    ProposeSplit();
    return;
  }
  for (const raft::Member& member : core_.configuration().AllMembers()) {
    if (member == self_) continue;
    context_.outbox.Add(
        member.node, FlushRequest{.group = shard_, .from = self_, .upto = preparation.flush_upto});
  }
  Touch();
}

void Replica::OnFlushRequest(const FlushRequest& request) {
  if (failure_.has_value() || !applier_.has_state()) return;
  EnsureFlushed(std::min(request.upto, applied_.index));
  context_.outbox.Add(request.from.node,
                      FlushAnswer{.group = shard_, .from = self_, .durable = durable_.index});
  Touch();
}

void Replica::OnFlushAnswer(const FlushAnswer& answer) {
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
  // The others have to make theirs before there is a majority for anything.
  if (IsLeader()) core_.AnnounceCommit();
  const ShardId child = applied_.last_split->child.shard;
  // The flush goes first and ends last.
  const bool flushed = EnsureFlushed(applied_.index);
  if (!child_generation_.has_value()) {
    child_generation_ = context_.next_generation;
    ++context_.next_generation;
    applier_.PrepareChild(context_.env.disk,
                          context_.folder.GenerationPath(child, *child_generation_));
  }
  if (!flushed) return;
  making_child_ = true;
  ReplicaStart start;
  start.generation = *std::exchange(child_generation_, std::nullopt);
  start.raft.group = child;
  start.raft.self = self_;
  start.raft.hard_state = {.term = applied_.term, .vote = {}, .commit = applied_.index};
  start.raft.snapshot = applied_.Meta();
  start.raft.applied = applied_.index;
  applier_.MakeChild(
      context_.env.disk, context_.env.engines,
      Alive([this, start = std::move(start)](absl::StatusOr<Applier::Child> made) mutable {
        OnChildMade(std::move(start), std::move(made));
      }));
}

void Replica::OnChildMade(ReplicaStart start, absl::StatusOr<Applier::Child> child) {
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
  context_.env.logger.Info("shard_split",
                           {{"shard", shard_}, {"child", shard}, {"index", start.raft.applied}});
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

// One page at a time, on every tick at most: clients come first.
void Replica::MaybeSweep() {
  if (!IsLeader() || sweeping_ || !applied_.sweep_from.has_value()) return;
  sweeping_ = true;
  RunCommand(kv::SweepShard{}, Alive([this](const WriteReply&) { sweeping_ = false; }));
}

}  // namespace flotilla::node

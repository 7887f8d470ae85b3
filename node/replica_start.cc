#include "node/replica_start.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "kv/directory.h"

namespace flotilla::node {

namespace {

constexpr LogIndex kFoundingIndex{1};
constexpr Term kFoundingTerm{1};
constexpr Duration kFlushWatch = std::chrono::seconds(1);

kv::AppliedState FoundingState(const sharding::ShardDescriptor& descriptor,
                               const ReplicaContext& context) {
  kv::AppliedState state;
  state.index = kFoundingIndex;
  state.term = kFoundingTerm;
  state.descriptor = descriptor;
  const FoundingPlan& plan = context.folder.identity().plan;
  // The directory's rows and transactions are not a client's.
  if (descriptor.shard != kv::kDirectoryShard) state.limits = plan.limits;
  state.session_limits = plan.session_limits;
  const FoundingGroup group = FoundersOf(descriptor.shard, context.folder.identity());
  uint64_t replica = 0;
  for (const NodeAddress& founder : group.members) {
    state.configuration.voters.push_back({founder.node, ReplicaId(++replica)});
    state.configuration.incarnations[founder.node] = founder.incarnation;
  }
  state.configuration.next_replica_id = ReplicaId(replica + 1);
  state.configuration_index = kFoundingIndex;
  return state;
}

raft::Member OwnMember(const raft::Configuration& configuration, NodeId node) {
  for (const raft::Member& member : configuration.voters) {
    if (member.node == node) return member;
  }
  FLOTILLA_CHECK_MSG(false, "this node is not a founder");
  return {};
}

// One founding replica on its way. Only the caller keeps it: no callback does anything once it is
// gone, and destroying it waits for the job that runs.
class Founding : public std::enable_shared_from_this<Founding> {
 public:
  Founding(const sharding::ShardDescriptor& descriptor, ReplicaContext& context,
           ReplicaStarted done)
      : state_(FoundingState(descriptor, context)),
        generation_(context.NewGeneration()),
        folder_(context.folder.GenerationPath(descriptor.shard, generation_)),
        context_(context),
        done_(std::move(done)),
        sequence_(
            context.env.sequences.NewSequence(SequenceSource::Use::kApply, context.env.executor)) {}

  void WriteState() {
    auto status = std::make_shared<absl::Status>();
    sequence_->Run([this, status] { *status = WriteStateNow(); },
                   [this, status] {
                     if (status->ok()) {
                       WatchFlush();
                     } else {
                       Done(*status);
                     }
                   });
  }

 private:
  absl::Status WriteStateNow() {
    FLOTILLA_RETURN_IF_ERROR(context_.env.disk.RemoveTree(folder_));
    FLOTILLA_RETURN_IF_ERROR(context_.env.disk.CreateFolder(ParentFolder(folder_)));
    FLOTILLA_ASSIGN_OR_RETURN(engine_, context_.env.engines.Open(folder_, "", /*create=*/true));
    engine_->SetDurableListener(
        [weak = weak_from_this(), home = &context_.env.executor](storage::DurablePoint point) {
          home->Post([weak, point = std::move(point)] {
            if (const auto self = weak.lock()) self->OnDurable(point);
          });
        });
    FLOTILLA_RETURN_IF_ERROR(engine_->Write(kv::StateMachine::InitialRows(state_), state_.index));
    return engine_->Flush();
  }

  // An engine that fails in the background says so only when it is asked.
  void WatchFlush() {
    context_.env.executor.PostAt(context_.env.clock.Now() + kFlushWatch, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->AskEngine();
    });
  }

  void AskEngine() {
    if (reopening_) return;
    auto status = std::make_shared<absl::Status>();
    sequence_->Run([this, status] { *status = engine_->Flush(); },
                   [this, status] {
                     if (reopening_) return;
                     if (status->ok()) {
                       WatchFlush();
                     } else {
                       Done(*status);
                     }
                   });
  }

  void OnDurable(const storage::DurablePoint& point) {
    if (point.index < kFoundingIndex || reopening_) return;
    reopening_ = true;
    auto opened = std::make_shared<absl::StatusOr<ReplicaState>>();
    sequence_->Run(
        [this, opened, note = point.note] {
          engine_.reset();
          *opened = OpenReplicaState(context_.env.engines, folder_, note, state_.descriptor.shard);
        },
        [this, opened, note = point.note] {
          if (opened->ok()) {
            NameInLog(*std::move(*opened), note);
          } else {
            Done(opened->status());
          }
        });
  }

  void NameInLog(ReplicaState state, const std::string& note) {
    ReplicaStart start;
    start.generation = generation_;
    start.engine_note = note;
    start.raft.group = state_.descriptor.shard;
    start.raft.self = OwnMember(state_.configuration, context_.options.node);
    start.raft.hard_state = {.term = kFoundingTerm, .vote = {}, .commit = kFoundingIndex};
    start.raft.snapshot = state_.Meta();
    start.raft.applied = kFoundingIndex;
    start.state = std::move(state);
    node::NameInLog(std::move(start), context_,
                    [weak = weak_from_this()](absl::StatusOr<ReplicaStart> named) {
                      if (const auto self = weak.lock()) self->Done(std::move(named));
                    });
  }

  // The last thing that happens: the caller lets go of it.
  void Done(absl::StatusOr<ReplicaStart> start) {
    const ReplicaStarted done = std::move(done_);
    done(std::move(start));
  }

  const kv::AppliedState state_;
  const Generation generation_;
  const std::string folder_;
  ReplicaContext& context_;
  ReplicaStarted done_;
  std::unique_ptr<storage::Engine> engine_;
  bool reopening_ = false;
  // The last member: its jobs use the others.
  const std::unique_ptr<Sequence> sequence_;
};

}  // namespace

bool MayPass(const absl::Status& why) {
  return !absl::IsDataLoss(why) && !absl::IsUnimplemented(why);
}

absl::StatusOr<ReplicaState> OpenAppliedState(const storage::RecoveredGroup& group, LogIndex last,
                                              ReplicaContext& context) {
  const std::string folder = context.folder.GenerationPath(group.group, group.generation);
  absl::StatusOr<ReplicaState> state =
      OpenReplicaState(context.env.engines, folder, group.engine_note, group.group);
  if (absl::IsNotFound(state.status())) {
    return absl::DataLossError("the applied state is gone: " +
                               std::string(StdView(state.status().message())));
  }
  FLOTILLA_RETURN_IF_ERROR(state.status());
  const LogIndex applied = state->machine->applied().index;
  if (applied < group.snapshot.index || applied > last) {
    return absl::DataLossError("the applied state stands at index " + ToString(applied) +
                               ", outside of the log, which covers " +
                               ToString(group.snapshot.index) + " to " + ToString(last));
  }
  return state;
}

ReplicaStart StartFrom(const storage::RecoveredGroup& group, ReplicaState state, NodeId node) {
  ReplicaStart start;
  start.generation = group.generation;
  start.engine_note = group.engine_note;
  start.raft.group = group.group;
  start.raft.self = {node, group.replica};
  start.raft.hard_state = group.hard_state;
  start.raft.snapshot = group.snapshot;
  start.raft.entries = group.entries;
  start.raft.applied = group.snapshot.index;
  if (state.machine == nullptr) return start;
  start.raft.applied = state.machine->applied().index;
  // What was applied was committed, whatever the lazily written hint says.
  start.raft.hard_state.commit = std::max(start.raft.hard_state.commit, start.raft.applied);
  start.state = std::move(state);
  return start;
}

absl::StatusOr<ReplicaStart> OpenRecovered(const storage::RecoveredGroup& group,
                                           ReplicaContext& context) {
  if (group.suspect) {
    return absl::DataLossError(
        "the log lost acknowledged records of this replica; it must be replaced");
  }
  ReplicaState state;
  const LogIndex last = group.entries.empty() ? group.snapshot.index : group.entries.back().index;
  if (!group.generation.is_none()) {
    FLOTILLA_ASSIGN_OR_RETURN(state, OpenAppliedState(group, last, context));
  }
  ReplicaStart start = StartFrom(group, std::move(state), context.options.node);
  if (!group.generation.is_none() && start.raft.applied < last) {
    FLOTILLA_ASSIGN_OR_RETURN(
        std::vector<raft::Entry> unapplied,
        context.log.LoadEntries(group.group, start.raft.applied.next(), last));
    std::move(unapplied.begin(), unapplied.end(),
              start.raft.entries.end() - static_cast<std::ptrdiff_t>(unapplied.size()));
  }
  return start;
}

std::vector<sharding::ShardDescriptor> FoundingShards(uint32_t count) {
  FLOTILLA_CHECK(count >= 1 && count <= sharding::kSlotCount);
  std::vector<sharding::ShardDescriptor> shards;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t first = sharding::kSlotCount * i / count;
    const uint32_t end = sharding::kSlotCount * (i + 1) / count;
    shards.push_back({.shard = ShardId(i + 1),
                      .arc = {sharding::Slot{static_cast<uint16_t>(first)},
                              sharding::Slot{static_cast<uint16_t>(end - 1)}}});
  }
  return shards;
}

FoundingGroup FoundersOf(ShardId shard, const Identity& identity) {
  constexpr size_t kDirectoryReplicas = 3;
  const bool directory = shard == kv::kDirectoryShard;
  if (!directory && shard.value() > identity.plan.shards) return {};
  const size_t all = identity.founders.size();
  if (all == 0) return {};
  const size_t wanted = directory ? kDirectoryReplicas : identity.plan.replicas;
  const size_t first = directory ? 0 : shard.value() - 1;
  FoundingGroup group{.members = {}, .first_leader = identity.founders[first % all].node};
  for (size_t i = 0; i < (wanted == 0 ? all : std::min(all, wanted)); ++i) {
    group.members.push_back(identity.founders[(first + i) % all]);
  }
  std::sort(group.members.begin(), group.members.end(),
            [](const NodeAddress& a, const NodeAddress& b) { return a.node < b.node; });
  return group;
}

std::shared_ptr<void> FoundReplica(const sharding::ShardDescriptor& descriptor,
                                   ReplicaContext& context, ReplicaStarted done) {
  auto founding = std::make_shared<Founding>(descriptor, context, std::move(done));
  founding->WriteState();
  return founding;
}

void NameInLog(ReplicaStart start, ReplicaContext& context, ReplicaStarted done) {
  const ShardId shard = start.raft.group;
  storage::SnapshotRecord record{.replica = start.raft.self.replica,
                                 .meta = start.raft.snapshot,
                                 .generation = start.generation,
                                 .hard_state = start.raft.hard_state,
                                 .engine_note = start.engine_note};
  context.log.Append(
      shard, std::move(record),
      [start = std::move(start), done = std::move(done)]() mutable { done(std::move(start)); });
  context.touch(shard);
}

void CreateEmptyReplica(ShardId shard, ReplicaId replica, ReplicaContext& context,
                        ReplicaStarted done) {
  ReplicaStart start;
  start.raft.group = shard;
  start.raft.self = {context.options.node, replica};
  NameInLog(std::move(start), context, std::move(done));
}

}  // namespace flotilla::node

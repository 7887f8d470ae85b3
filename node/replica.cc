#include "node/replica.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "node/errors.h"
#include "node/replica_alive.h"

namespace flotilla::node {

namespace {

constexpr int kFetchAttempts = 3;

}  // namespace

std::shared_ptr<Replica> Replica::Create(ReplicaStart start, ReplicaContext& context) {
  return std::shared_ptr<Replica>(new Replica(std::move(start), context));
}

Replica::Replica(ReplicaStart start, ReplicaContext& context)
    : shard_(start.raft.group),
      self_(start.raft.self),
      context_(context),
      core_(context.options.raft, start.raft, start.seed),
      applier_(
          shard_, std::move(start.state), context.env.sequences, context.env.executor,
          [this](storage::DurablePoint point) { OnDurable(std::move(point)); },
          context.remove_folder),
      generation_(start.generation),
      child_(shard_, applier_, context,
             [this](const absl::Status& why) { Fail(Annotate(why, "cannot draft a child")); }),
      load_(context.env.clock.Now()),
      meter_(Random(start.seed).Split(), context.options.split_load > 0, context.env.clock.Now()),
      next_round_(context.env.clock.Now()),
      compacted_(start.raft.snapshot.index),
      sender_(
          shard_, self_, applier_, context,
          [this](raft::Member to, Term term, bool ok, LogIndex index) {
            if (ok) context_.metrics.snapshots_sent.Add();
            core_.SnapshotFinished(to, term, ok, index);
          },
          [this](const absl::Status& why) {
            Fail(Annotate(why, "cannot read the state for a snapshot"));
          }),
      receiver_(shard_, context,
                [this](ReceivedSnapshot snapshot) {
                  install_ = std::move(snapshot);
                  Touch();
                }),
      cleanup_(
          context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)) {
  if (applier_.has_state()) {
    applied_ = applier_.state();
    durable_ = applier_.durable();
    flush_requested_at_ = durable_.index;
    FLOTILLA_CHECK_GE(applied_.index, compacted_);
  }
}

Replica::~Replica() { context_.env.executor.Cancel(deadline_timer_); }

Route Replica::CurrentRoute() const {
  Route route{.shard = shard_, .version = applied_.descriptor.version};
  route.leader = core_.leader().node;
  if (!route.leader.is_none()) route.leader_address = context_.client_address(route.leader);
  return route;
}

Office Replica::CurrentOffice() const {
  return {.term = IsLeader() ? core_.term() : Term(), .shard_version = applied_.descriptor.version};
}

bool Replica::HasLeader() const {
  return !failure_.has_value() && applier_.has_state() && !core_.leader().node.is_none();
}

void Replica::Campaign() {
  core_.Campaign();
  Touch();
}

void Replica::Receive(raft::Message message) {
  if (failure_.has_value() || install_.has_value()) return;
  core_.Receive(std::move(message));
  Touch();
}

void Replica::OnPeerLost(NodeId node) {
  if (failure_.has_value() || install_.has_value()) return;
  core_.PeerLost(node);
  Touch();
}

void Replica::Tick() {
  receiver_.Tick();
  if (failure_.has_value()) return;
  load_.Tick(Now());
  meter_.Tick(Now(), CurrentOffice());
  writes_wait_for_tick_ = false;
  reads_wait_for_tick_ = false;
  sender_.Tick();
  if (applier_.waits_for_space()) applier_.RetryApply();
  if (!install_.has_value()) core_.Tick();
  // A peer that held the log may have been given up since the engine last reported.
  MaybeCompact();
  MaybeRest();
  ContinueRepairs();
  child_.Tick();
  ContinuePreparingSplit();
  MaybeSweep();
  Touch();
}

void Replica::Turn() {
  if (failure_.has_value()) return;
  if (!install_.has_value()) {
    DispatchWrites();
    RegisterReads();
  }
  while (!installing_ && core_.HasOutputs()) CarryOut(core_.TakeOutputs());
  ServeReads();
  ContinuePreparingChild();
  const bool owes_child = OwesChild();
  if (owes_child) {
    MakeChild();
  } else {
    making_child_ = false;
    child_generation_.reset();
    ApplyNext();
  }
  // What the child is to be made of must not be replaced before.
  const bool quiet = outstanding_persists_ == 0 && outstanding_fetches_ == 0 && !applying_ &&
                     !compacting_ && !owes_child && apply_queue_.empty();
  if (install_.has_value() && !installing_ && quiet) BeginInstall();
  ArmDeadlineTimer();
}

void Replica::CarryOut(raft::Outputs outputs) {
  if (outputs.role_change.has_value()) OnRoleChange(*outputs.role_change);
  for (const raft::Message& message : outputs.messages) context_.outbox.Add(message);
  if (outputs.persist.has_value()) Persist(*std::move(outputs.persist));
  if (!outputs.committed.empty()) {
    if (context_.env.stages != nullptr) {
      writes_.Mark(*context_.env.stages, Stage::kCommitted, outputs.committed.back().index, Now());
    }
    std::move(outputs.committed.begin(), outputs.committed.end(), std::back_inserter(apply_queue_));
  }
  for (const raft::ReadReady& ready : outputs.reads) {
    if (ready.index.is_none()) reads_wait_for_tick_ = true;
    if (const auto registered = reads_.Confirmed(ready); registered.has_value()) {
      freshness_.Confirmed(*registered, ready.index, applied_.index);
    }
  }
  for (const raft::FetchRequest& fetch : outputs.fetches) Fetch(fetch);
  for (const raft::SnapshotRequest& request : outputs.snapshots) sender_.Start(request);
}

void Replica::OnRoleChange(const raft::RoleChange& change) {
  context_.env.logger.Info("role_changed", {{"shard", shard_},
                                            {"role", raft::ToString(change.role)},
                                            {"term", change.term},
                                            {"leader", change.leader.node}});
  if (change.leader != last_leader_) context_.metrics.leader_changes.Add();
  last_leader_ = change.leader;
  // Whoever leads now can be asked at once.
  writes_wait_for_tick_ = false;
  reads_wait_for_tick_ = false;
  AbortMembershipWaiters(change);
  if (change.role == raft::Role::kLeader) return;
  repairs_.Forget();
  AbortPreparingSplit(absl::AbortedError("leadership changed before the split"));
  writes_.FailProposed(LeadershipLost(Outcome::kUnknown));
  sender_.PauseAll();
}

void Replica::Persist(raft::PersistRequest request) {
  ++outstanding_persists_;
  const LogIndex last = request.entries.empty() ? LogIndex() : request.entries.back().index;
  storage::AppendRecord record{.hard_state = request.hard_state,
                               .entries = std::move(request.entries),
                               .must_sync = request.must_sync};
  context_.log.Append(shard_, std::move(record),
                      Alive([this, last, ticket = request.ticket,
                             messages = std::move(request.messages_after), queued = Now()] {
                        --outstanding_persists_;
                        context_.metrics.log_append.Observe(Now() - queued);
                        for (const raft::Message& message : messages) context_.outbox.Add(message);
                        core_.AppendDone(ticket);
                        if (context_.env.stages != nullptr && !last.is_none()) {
                          writes_.Mark(*context_.env.stages, Stage::kDurable, last, Now());
                        }
                        Touch();
                      }));
}

void Replica::Fetch(const raft::FetchRequest& request, int attempt) {
  ++outstanding_fetches_;
  context_.log.ReadEntries(
      shard_, request.first, request.last, request.max_bytes,
      Alive([this, request, attempt](absl::StatusOr<std::vector<raft::Entry>> entries) {
        --outstanding_fetches_;
        if (absl::IsDataLoss(entries.status())) {
          // A disk may fail one read and not the next; entries that stay unreadable are lost.
          if (attempt < kFetchAttempts) {
            Fetch(request, attempt + 1);
          } else {
            Fail(Annotate(entries.status(), "cannot read the log back"));
          }
          return;
        }
        // What is gone was compacted or overwritten: the core finds out what its peer needs now.
        core_.EntriesFetched(entries.ok() ? *std::move(entries) : std::vector<raft::Entry>());
        Touch();
      }));
}

void Replica::ApplyNext() {
  if (applying_ || installing_ || apply_queue_.empty() || context_.disk_low) return;
  FLOTILLA_CHECK(applier_.has_state());
  applying_ = true;
  rests_ = false;
  apply_started_ = Now();
  applier_.Apply(
      std::exchange(apply_queue_, {}),
      Alive([this](absl::StatusOr<Applier::Applied> applied) { OnApplied(std::move(applied)); }));
}

void Replica::OnApplied(absl::StatusOr<Applier::Applied> applied) {
  applying_ = false;
  context_.metrics.apply.Observe(Now() - apply_started_);
  if (!applied.ok()) {
    Fail(Annotate(applied.status(), "cannot apply"));
    return;
  }
  applied_ = std::move(applied->state);
  engine_stats_ = applied->stats;
  bytes_since_flush_ += applied->log_bytes;
  context_.metrics.entries_applied.Add(applied->results.size());
  apply_queue_.insert(apply_queue_.begin(), std::make_move_iterator(applied->rest.begin()),
                      std::make_move_iterator(applied->rest.end()));
  core_.ApplyDone(applied_.index);
  freshness_.Applied(applied_.index);
  if (context_.env.stages != nullptr) {
    writes_.Mark(*context_.env.stages, Stage::kApplied, applied_.index, Now());
  }
  for (kv::EntryResult& result : applied->results) writes_.Applied(std::move(result));
  SettleMembershipWaiters();
  child_.OnSplit(std::move(applied->draft));
  // The others have to make their children before there is a majority for anything.
  if (OwesChild()) core_.AnnounceCommit();
  MaybeFlush();
  if (IsRemoved()) context_.removed(shard_, self_.replica);
  Touch();
}

absl::Status Replica::NotTheLeader() const {
  const Route route = CurrentRoute();
  return absl::FailedPreconditionError(
      route.leader.is_none() ? "the shard has no leader now"
                             : "node " + ToString(route.leader) + " leads the shard, not this one");
}

void Replica::TransferLeadership(NodeId target, absl::AnyInvocable<void(absl::Status)> done) {
  if (failure_.has_value()) {
    done(Annotate(*failure_, "the replica failed"));
  } else {
    done(IsLeader() ? core_.TransferLeadership(target) : NotTheLeader());
  }
  Touch();
}

void Replica::GiveUpLeadership() {
  if (failure_.has_value() || !IsLeader()) return;
  const raft::RaftStatus status = core_.Status();
  const raft::PeerProgress* best = nullptr;
  for (const raft::PeerProgress& peer : status.peers) {
    const bool candidate = peer.is_voter && peer.recently_active && peer.member != self_;
    if (candidate && (best == nullptr || peer.match > best->match)) best = &peer;
  }
  if (best == nullptr) return;
  const absl::Status transferred = core_.TransferLeadership(best->member.node);
  context_.env.logger.Info(
      "leadership_given_up",
      {{"shard", shard_}, {"to", best->member.node}, {"accepted", transferred.ok()}});
  Touch();
}

void Replica::Fail(const absl::Status& why) {
  if (failure_.has_value()) return;
  failure_ = why;
  context_.env.logger.Error("replica_failed",
                            {{"shard", shard_}, {"error", std::string(StdView(why.message()))}});
  sender_.AbortAll();
  child_.Drop();
  FailAll(ReplicaFailed(why));
  context_.failed(shard_, self_.replica);
}

void Replica::FailAll(const Error& error) {
  Error unknown = error;
  unknown.outcome = Outcome::kUnknown;
  writes_.FailProposed(unknown);
  writes_.FailWaiting(error);
  reads_.FailAll(error);
  for (MembershipWaiter& waiter : std::exchange(membership_waiters_, {})) {
    waiter.done(absl::UnavailableError(error.message));
  }
  AbortPreparingSplit(absl::UnavailableError(error.message));
}

ReplicaStatus Replica::Status() const {
  ReplicaStatus status;
  status.shard = shard_;
  status.shard_version = applied_.descriptor.version;
  status.arc = applied_.descriptor.arc;
  status.raft = core_.Status();
  status.engine_durable = durable_.index;
  status.engine_bytes = engine_stats_.bytes;
  status.pending_writes = writes_.size();
  status.pending_reads = reads_.size();
  status.requests_per_second = load_.per_second();
  status.failed = failure_.has_value();
  status.failure = std::string(StdView(failure_.value_or(absl::OkStatus()).message()));
  return status;
}

}  // namespace flotilla::node

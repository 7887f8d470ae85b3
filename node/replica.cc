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
      applier_(std::move(start.state), context.env.sequences, context.env.executor,
               [this](storage::DurablePoint point) { OnDurable(std::move(point)); }),
      generation_(start.generation),
      next_round_(context.env.clock.Now()),
      compacted_(start.raft.snapshot.index),
      sender_(shard_, self_, applier_, context,
              [this](raft::Member to, Term term, bool ok, LogIndex index) {
                if (ok) context_.metrics.snapshots_sent.Add();
                core_.SnapshotFinished(to, term, ok, index);
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
  if (failure_.has_value()) return;
  writes_wait_for_tick_ = false;
  reads_wait_for_tick_ = false;
  sender_.Tick();
  if (applier_.waits_for_space()) applier_.RetryApply();
  if (!install_.has_value()) core_.Tick();
  // A peer that held the log may have been given up since the engine last reported.
  MaybeCompact();
  ContinueRepairs();
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
  ApplyNext();
  const bool quiet = outstanding_persists_ == 0 && outstanding_fetches_ == 0 && !applying_ &&
                     !compacting_ && apply_queue_.empty();
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
  writes_.FailProposed(LeadershipLost(Outcome::kUnknown));
  sender_.AbortAll();
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
  MaybeFlush();
  if (IsRemoved()) context_.removed(shard_, self_.replica);
  Touch();
}

// A snapshot may be older than the change that added this replica: such a configuration does not
// know of its id yet, which is not the same as knowing it no more.
bool Replica::IsRemoved() const {
  const raft::Configuration& active = core_.configuration();
  return active == applied_.configuration && !active.IsMember(self_.replica) &&
         self_.replica < active.next_replica_id;
}

absl::Status Replica::NotTheLeader() const {
  const Route route = CurrentRoute();
  return absl::FailedPreconditionError(
      route.leader.is_none() ? "the shard has no leader now"
                             : "node " + ToString(route.leader) + " leads the shard, not this one");
}

void Replica::ChangeMembership(const raft::ConfigurationChange& change,
                               absl::AnyInvocable<void(absl::Status)> done) {
  if (failure_.has_value()) {
    done(Annotate(*failure_, "the replica failed"));
    return;
  }
  if (!IsLeader()) {
    done(NotTheLeader());
    return;
  }
  const absl::StatusOr<raft::Position> position = Propose(change);
  if (!position.ok()) {
    done(position.status());
    return;
  }
  membership_waiters_.push_back({*position, std::move(done)});
  Touch();
}

// A change is through when the joint configuration that began it has been left again.
void Replica::SettleMembershipWaiters() {
  if (membership_waiters_.empty() || applied_.configuration.IsJoint()) return;
  std::vector<MembershipWaiter> waiters = std::exchange(membership_waiters_, {});
  for (MembershipWaiter& waiter : waiters) {
    if (waiter.position.index > applied_.index) {
      membership_waiters_.push_back(std::move(waiter));
    } else {
      waiter.done(absl::OkStatus());
    }
  }
}

// What this replica proposed in an earlier office is for other leaders to carry on or to drop, and
// may never be heard of here. Only what is through already is waited for: a leader that removed
// itself leaves office before it has applied that.
void Replica::AbortMembershipWaiters(const raft::RoleChange& change) {
  if (membership_waiters_.empty()) return;
  const raft::RaftStatus status = core_.Status();
  const bool settled = status.configuration_committed && !status.configuration.IsJoint();
  for (MembershipWaiter& waiter : std::exchange(membership_waiters_, {})) {
    const raft::Position& position = waiter.position;
    const bool still_leads = change.role == raft::Role::kLeader && position.term == change.term;
    const bool through =
        settled && position.index <= status.commit && core_.TermAt(position.index) == position.term;
    if (still_leads || through) {
      membership_waiters_.push_back(std::move(waiter));
    } else {
      waiter.done(
          absl::AbortedError("leadership changed during the change: look what became of it before "
                             "trying again"));
    }
  }
}

// A new member is tied to the disk that its node has now; a new voter must be able to vote.
absl::StatusOr<raft::Position> Replica::Propose(raft::ConfigurationChange change) {
  for (const NodeId node : change.add_learners) {
    const Incarnation incarnation = context_.incarnation(node);
    if (incarnation.is_none()) {
      return absl::FailedPreconditionError("node " + ToString(node) +
                                           " is not known here: start it first, with this "
                                           "cluster's nodes in its join list");
    }
    change.incarnations[node] = incarnation;
  }
  const raft::RaftStatus status = core_.Status();
  for (const raft::Member& learner : status.configuration.learners) {
    const bool promoted = std::find(change.add_voters.begin(), change.add_voters.end(),
                                    learner.node) != change.add_voters.end();
    if (promoted && !HasCaughtUp(status, learner)) {
      return absl::UnavailableError("node " + ToString(learner.node) +
                                    " has not caught up yet, or does not answer: as a voter "
                                    "it would hold up every write");
    }
  }
  return core_.ProposeConfiguration(change);
}

std::optional<MembershipAnswer> Replica::MembershipOf(const raft::Member& member) const {
  MembershipAnswer answer{.group = shard_, .member = member, .incarnation = {}};
  // Whoever was addressed was added by a committed entry (raft/leader_membership.cc).
  const raft::Configuration& active = core_.configuration();
  if (active.IsMember(member.replica)) {
    const auto known = active.incarnations.find(member.node);
    if (known == active.incarnations.end()) return std::nullopt;
    answer.incarnation = known->second;
    return answer;
  }
  const raft::Configuration& committed = applied_.configuration;
  const bool removed =
      !committed.IsMember(member.replica) && member.replica < committed.next_replica_id;
  return removed ? std::optional(answer) : std::nullopt;
}

void Replica::OnRepairRequest(const RepairRequest& request) {
  if (failure_.has_value() || !IsLeader()) return;
  const std::optional<MembershipAnswer> known = MembershipOf(request.failed);
  const bool removed = known.has_value() && known->incarnation.is_none();
  if (!removed) {
    repairs_.Requested(request.failed, Now());
  } else if (!core_.configuration().IsReturning(request.failed.node)) {
    context_.outbox.Add(request.failed.node, *known);
    Touch();
  }
}

void Replica::ContinueRepairs() {
  if (install_.has_value() || !IsLeader()) return;
  if (repairs_.empty() && core_.configuration().returning.empty()) return;
  const std::optional<raft::ConfigurationChange> step = repairs_.NextStep(core_.Status(), Now());
  if (!step.has_value()) return;
  const absl::StatusOr<raft::Position> position = Propose(*step);
  context_.env.logger.Info("replica_repair_step", {{"shard", shard_},
                                                   {"removes", step->remove.size()},
                                                   {"adds", step->add_learners.size()},
                                                   {"promotes", step->add_voters.size()},
                                                   {"accepted", position.ok()}});
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
  status.failed = failure_.has_value();
  status.failure = std::string(StdView(failure_.value_or(absl::OkStatus()).message()));
  return status;
}

}  // namespace flotilla::node

#include "raft/core_impl.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"
#include "raft/configuration.h"
#include "raft/well_formed.h"

namespace flotilla::raft {

// Stands at the top of every input: checks the step when it ends.
class RaftCore::Impl::Guarded {
 public:
  explicit Guarded(const Impl& impl) : impl_(impl) {
    if (impl.state_.options.check_invariants) before_ = impl.View();
  }
  ~Guarded() {
    if (!before_.has_value()) return;
    const MemberView after = impl_.View();
    CheckState(after, impl_.state_.self);
    CheckTransition(*before_, after, impl_.state_);
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

 private:
  const Impl& impl_;
  std::optional<MemberView> before_;
};

RaftCore::Impl::Impl(const RaftOptions& options, const InitialState& initial, uint64_t seed)
    : state_(options, initial, seed), role_(Follower(state_, Member())) {
  FLOTILLA_CHECK_GT(options.heartbeat_ticks, 0);
  FLOTILLA_CHECK_GT(options.election_timeout_ticks, options.heartbeat_ticks);
  reported_ = {Role::kFollower, state_.term(), Member()};
}

MemberView RaftCore::Impl::View() const { return ViewOf(state_, role(), leader()); }

Role RaftCore::Impl::role() const {
  if (std::holds_alternative<Leader>(role_)) return Role::kLeader;
  const auto* candidate = std::get_if<Candidate>(&role_);
  if (candidate == nullptr) return Role::kFollower;
  return candidate->is_pre_vote() ? Role::kPreCandidate : Role::kCandidate;
}

Member RaftCore::Impl::leader() const {
  if (std::holds_alternative<Leader>(role_)) return state_.self;
  const auto* follower = std::get_if<Follower>(&role_);
  return follower == nullptr ? Member() : follower->leader();
}

void RaftCore::Impl::Tick() {
  const Guarded guarded(*this);
  state_.Tick();
  if (auto* leader = std::get_if<Leader>(&role_)) {
    Settle(leader->Tick());
    return;
  }
  auto* follower = std::get_if<Follower>(&role_);
  const bool timed_out = follower != nullptr ? follower->Tick() : std::get<Candidate>(role_).Tick();
  if (!timed_out) return;
  if (state_.CanCampaign()) {
    StartCampaign(Candidate::Kind::kPreVote);
  } else {
    BecomeFollower(Member());  // no leader is heard of any more
  }
}

bool RaftCore::Impl::IsForThisMember(const Message& message) const {
  return message.group == state_.group && message.to == state_.self &&
         message.from.replica != state_.self.replica && !message.from.replica.is_none();
}

void RaftCore::Impl::Receive(Message message) {
  const Guarded guarded(*this);
  if (!IsForThisMember(message) || !IsWellFormed(message)) return;
  if (!PassesTerm(message)) return;
  std::visit([&](auto& body) { Handle(message, body); }, message.body);
}

void RaftCore::Impl::Handle(const Message& message, AppendRequest& request) {
  Follow(message.from).OnAppendRequest(message.from, std::move(request));
}

void RaftCore::Impl::Handle(const Message& message, const Heartbeat& heartbeat) {
  Follow(message.from).OnHeartbeat(message.from, heartbeat);
}

void RaftCore::Impl::Handle(const Message& message, const AppendResponse& response) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader != nullptr) Settle(leader->OnAppendResponse(message.from, response));
}

void RaftCore::Impl::Handle(const Message& message, const HeartbeatResponse& response) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader != nullptr) leader->OnHeartbeatResponse(message.from, response);
}

void RaftCore::Impl::Handle(const Message& message, const TimeoutNow&) {
  const auto* follower = std::get_if<Follower>(&role_);
  if (follower == nullptr || follower->leader() != message.from) return;
  StartCampaign(Candidate::Kind::kTransfer);
}

void RaftCore::Impl::Handle(const Message& message, const ReadIndexRequest& request) {
  if (auto* leader = std::get_if<Leader>(&role_)) {
    leader->OnReadIndexRequest(message.from, request);
  } else {
    state_.Send(message.from, ReadIndexResponse{request.context, LogIndex()});
  }
}

void RaftCore::Impl::Handle(const Message&, const ReadIndexResponse& response) {
  if (auto* follower = std::get_if<Follower>(&role_)) follower->OnReadIndexResponse(response);
}

Follower& RaftCore::Impl::Follow(const Member& leader) {
  FLOTILLA_CHECK_MSG(!std::holds_alternative<Leader>(role_),
                     "two leaders in term " + ToString(state_.term()));
  if (!std::holds_alternative<Follower>(role_)) BecomeFollower(leader);
  Follower& follower = std::get<Follower>(role_);
  follower.HeardFrom(leader);
  return follower;
}

void RaftCore::Impl::LeaveRole() {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->Leave();
  if (auto* follower = std::get_if<Follower>(&role_)) follower->Leave();
}

void RaftCore::Impl::BecomeFollower(const Member& leader) {
  LeaveRole();
  role_.emplace<Follower>(state_, leader);
}

void RaftCore::Impl::Settle(Leader::Verdict verdict) {
  if (verdict == Leader::Verdict::kStepsDown) BecomeFollower(Member());
}

void RaftCore::Impl::PeerLost(NodeId node) {
  const Guarded guarded(*this);
  if (auto* leader = std::get_if<Leader>(&role_)) {
    leader->OnPeerLost(node);
  } else if (auto* follower = std::get_if<Follower>(&role_)) {
    if (follower->OnPeerLost(node)) StartCampaign(Candidate::Kind::kPreVote);
  }
}

absl::StatusOr<Position> RaftCore::Impl::Propose(SharedBytes payload) {
  const Guarded guarded(*this);
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  return leader->Propose(std::move(payload));
}

absl::StatusOr<Position> RaftCore::Impl::ProposeConfiguration(const ConfigurationChange& change) {
  const Guarded guarded(*this);
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  return leader->ProposeConfiguration(change);
}

absl::StatusOr<ReadId> RaftCore::Impl::ReadIndex() {
  if (auto* leader = std::get_if<Leader>(&role_)) return leader->ReadIndex();
  if (auto* follower = std::get_if<Follower>(&role_)) return follower->ReadIndex();
  return absl::UnavailableError("no leader is known");
}

absl::Status RaftCore::Impl::TransferLeadership(NodeId target) {
  auto* leader = std::get_if<Leader>(&role_);
  if (leader == nullptr) return absl::FailedPreconditionError("not the leader");
  return leader->Transfer(target);
}

void RaftCore::Impl::AnnounceCommit() {
  if (auto* leader = std::get_if<Leader>(&role_)) leader->AnnounceCommit();
}

void RaftCore::Impl::Campaign() {
  const Guarded guarded(*this);
  StartCampaign(Candidate::Kind::kPreVote);
}

void RaftCore::Impl::AppendDone(Ticket ticket) {
  const Guarded guarded(*this);
  state_.OnPersisted(ticket);
  if (auto* leader = std::get_if<Leader>(&role_)) {
    Settle(leader->OnPersisted());
  } else if (auto* candidate = std::get_if<Candidate>(&role_)) {
    candidate->OnPersisted();
    SettleCampaign();
  }
}

void RaftCore::Impl::ApplyDone(LogIndex index) {
  const Guarded guarded(*this);
  state_.AppliedTo(index);
}

void RaftCore::Impl::EntriesFetched(std::vector<Entry> entries) {
  if (!state_.fetch.under_way()) return;
  state_.fetch.Complete(std::move(entries), state_.log());
  if (auto* leader = std::get_if<Leader>(&role_)) leader->OnFetched();
}

void RaftCore::Impl::SnapshotFinished(const Member& to, Term term, bool ok, LogIndex meta_index) {
  auto* leader = std::get_if<Leader>(&role_);
  // A transfer of an earlier term says nothing about what this leader waits for (scylladb#29092).
  if (leader != nullptr && term == state_.term()) leader->OnSnapshotFinished(to, ok, meta_index);
}

absl::Status RaftCore::Impl::SnapshotInstalled(const InstalledSnapshot& snapshot) {
  const Guarded guarded(*this);
  const SnapshotMeta& meta = snapshot.meta;
  if (meta.index <= state_.log().commit()) {
    return absl::FailedPreconditionError("the snapshot at " + ToString(meta.index) +
                                         " is older than the commit " +
                                         ToString(state_.log().commit()));
  }
  FLOTILLA_CHECK(ValidateConfiguration(meta.configuration).ok());
  if (meta.term > state_.term()) {
    state_.EnterTerm(meta.term);
    BecomeFollower(Member());
  }
  state_.InstallSnapshot(meta);
  if (auto* follower = std::get_if<Follower>(&role_)) follower->OnSnapshotInstalled(meta.index);
  return absl::OkStatus();
}

bool RaftCore::Impl::WouldInstall(const SnapshotMeta& meta) const {
  // What the log holds already is applied from there, without a gap in the state machine's history.
  return meta.index > state_.log().commit() && !state_.log().Contains({meta.index, meta.term});
}

void RaftCore::Impl::Compacted(LogIndex index) {
  const Guarded guarded(*this);
  state_.CompactTo(index);
}

LogIndex RaftCore::Impl::CompactionHint() const {
  const auto* leader = std::get_if<Leader>(&role_);
  return leader != nullptr ? leader->CompactionHint() : state_.log().applied();
}

Outputs RaftCore::Impl::TakeOutputs() {
  const Guarded guarded(*this);
  if (auto* leader = std::get_if<Leader>(&role_)) leader->Flush();
  if (auto* follower = std::get_if<Follower>(&role_)) follower->Flush();
  Outputs taken = std::exchange(state_.outputs, {});
  taken.persist = state_.TakePersistRequest();
  taken.committed = state_.TakeCommitted();
  const RoleChange now{role(), state_.term(), leader()};
  if (now != reported_) taken.role_change = reported_ = now;
  return taken;
}

bool RaftCore::Impl::HasOutputs() const {
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    if (leader->WantsFlush()) return true;
  }
  if (const auto* follower = std::get_if<Follower>(&role_)) {
    if (follower->WantsFlush()) return true;
  }
  return !state_.outputs.empty() || state_.HasPersistRequest() || state_.HasCommitted() ||
         reported_ != RoleChange{role(), state_.term(), leader()};
}

RaftStatus RaftCore::Impl::Status() const {
  const RaftLog& log = state_.log();
  RaftStatus status;
  status.self = state_.self;
  status.role = role();
  status.term = state_.term();
  status.vote = state_.vote();
  status.leader = leader();
  status.commit = log.commit();
  status.applied = log.applied();
  status.durable = state_.persistence().durable();
  status.first_index = log.first_index();
  status.last_index = log.last_index();
  status.configuration = state_.configuration();
  status.configuration_committed = state_.configurations().active_index() <= log.commit();
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    status.transfer_target = leader->transfer_target();
    status.peers = leader->Peers();
  }
  return status;
}

SnapshotMeta RaftCore::Impl::MetaAt(LogIndex index) const {
  const std::optional<Term> term = state_.log().TermAt(index);
  FLOTILLA_CHECK(term.has_value());
  const ConfigurationHistory::Record& record = state_.configurations().At(index);
  return {index, *term, record.configuration, record.index};
}

}  // namespace flotilla::raft

#include "raft/raft_core.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raft/core_impl.h"

namespace flotilla::raft {

bool Outputs::empty() const {
  return !persist.has_value() && messages.empty() && committed.empty() && reads.empty() &&
         fetches.empty() && snapshots.empty() && !role_change.has_value();
}

RaftCore::RaftCore(const RaftOptions& options, const InitialState& initial, uint64_t seed)
    : impl_(std::make_unique<Impl>(options, initial, seed)) {}
RaftCore::~RaftCore() = default;
RaftCore::RaftCore(RaftCore&&) noexcept = default;
RaftCore& RaftCore::operator=(RaftCore&&) noexcept = default;

void RaftCore::Tick() { impl_->Tick(); }
void RaftCore::Receive(Message message) { impl_->Receive(std::move(message)); }
void RaftCore::PeerLost(NodeId node) { impl_->PeerLost(node); }

absl::StatusOr<Position> RaftCore::Propose(SharedBytes payload) {
  return impl_->Propose(std::move(payload));
}
absl::StatusOr<Position> RaftCore::ProposeConfiguration(const ConfigurationChange& change) {
  return impl_->ProposeConfiguration(change);
}
absl::StatusOr<ReadId> RaftCore::ReadIndex() { return impl_->ReadIndex(); }
absl::Status RaftCore::TransferLeadership(NodeId target) {
  return impl_->TransferLeadership(target);
}
void RaftCore::AnnounceCommit() { impl_->AnnounceCommit(); }
void RaftCore::Campaign() { impl_->Campaign(); }

void RaftCore::AppendDone(Ticket ticket) { impl_->AppendDone(ticket); }
void RaftCore::ApplyDone(LogIndex index) { impl_->ApplyDone(index); }
void RaftCore::EntriesFetched(std::vector<Entry> entries) {
  impl_->EntriesFetched(std::move(entries));
}
void RaftCore::SnapshotFinished(Member to, Term term, bool ok, LogIndex meta_index) {
  impl_->SnapshotFinished(to, term, ok, meta_index);
}
absl::Status RaftCore::SnapshotInstalled(const InstalledSnapshot& snapshot) {
  return impl_->SnapshotInstalled(snapshot);
}
bool RaftCore::WouldInstall(const SnapshotMeta& meta) const { return impl_->WouldInstall(meta); }
void RaftCore::ForgetApplied() { impl_->ForgetApplied(); }
void RaftCore::Compacted(LogIndex index) { impl_->Compacted(index); }
LogIndex RaftCore::CompactionHint() const { return impl_->CompactionHint(); }

Outputs RaftCore::TakeOutputs() { return impl_->TakeOutputs(); }
bool RaftCore::HasOutputs() const { return impl_->HasOutputs(); }

RaftStatus RaftCore::Status() const { return impl_->Status(); }
Role RaftCore::role() const { return impl_->role(); }
Term RaftCore::term() const { return impl_->state().term(); }
Member RaftCore::leader() const { return impl_->leader(); }
LogIndex RaftCore::commit() const { return impl_->state().log().commit(); }
LogIndex RaftCore::applied() const { return impl_->state().log().applied(); }
LogIndex RaftCore::last_index() const { return impl_->state().log().last_index(); }
std::optional<Term> RaftCore::TermAt(LogIndex index) const {
  return impl_->state().log().TermAt(index);
}
const Configuration& RaftCore::configuration() const { return impl_->state().configuration(); }
SnapshotMeta RaftCore::MetaAt(LogIndex index) const { return impl_->MetaAt(index); }

}  // namespace flotilla::raft

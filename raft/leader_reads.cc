// Linearizable reads at the leader (Raft thesis 6.4).
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "raft/leader.h"
#include "raft/quorum.h"

namespace flotilla::raft {

absl::StatusOr<ReadId> Leader::ReadIndex() {
  if (reads_.size() >= state_.options.max_waiting_reads) {
    return absl::ResourceExhaustedError("too many reads wait for their confirmation");
  }
  const ReadId read = state_.NextReadId();
  if (OwnTermIsCommitted()) {
    reads_.Register(read, state_.log().commit());
  } else {
    reads_.Park(read);
  }
  return read;
}

void Leader::OnReadIndexRequest(const Member& from, const ReadIndexRequest& request) {
  Peer* peer = FindPeer(from);
  if (peer == nullptr) return;
  const ForwardedRead read{from, request.context};
  // Asked again while it waits: one answer is enough.
  if (reads_.Contains(read)) return;
  if (reads_.size() >= state_.options.max_waiting_reads) {
    FinishRead(read, LogIndex());
  } else if (OwnTermIsCommitted()) {
    reads_.Register(read, state_.log().commit());
  } else {
    reads_.Park(read);
  }
}

void Leader::OnHeard(Progress& progress, ReadCounter counter) {
  // A round that has not begun cannot have been heard of; whoever says so is not believed.
  progress.OnHeard(counter <= reads_.counter() ? counter : 0);
  ConfirmReads();
}

void Leader::ConfirmReads() {
  if (reads_.size() == 0) return;
  const ReadCounter round = QuorumValue(state_.configuration(), [this](ReplicaId replica) {
    if (replica == state_.self.replica) return reads_.counter();
    const Peer* peer = FindPeer(replica);
    return peer == nullptr ? 0 : peer->progress.acknowledged();
  });
  for (const ConfirmedRead& read : reads_.Confirm(round)) FinishRead(read.reader, read.index);
}

void Leader::FinishRead(const Reader& reader, LogIndex index) {
  if (const ReadId* own = std::get_if<ReadId>(&reader)) {
    state_.FinishRead(*own, index);
    return;
  }
  const auto& forwarded = std::get<ForwardedRead>(reader);
  state_.Send(forwarded.from, ReadIndexResponse{forwarded.context, index});
  // It waits until it has applied that much.
  if (Peer* peer = FindPeer(forwarded.from)) AnnounceCommit(peer->progress);
}

void Leader::Leave() {
  for (const Reader& reader : reads_.TakeAll()) FinishRead(reader, LogIndex());
}

}  // namespace flotilla::raft

// The active role: orders commands, replicates them, decides what is committed, and notices when it
// is no longer entitled to lead. In four files: leader.cc (term of office, commit), with
// leader_replication.cc (what is sent to whom), leader_membership.cc (configurations, transfer) and
// leader_reads.cc.
//
// Inputs only change state; what is to be sent follows from it in Flush. So many proposals and many
// acknowledgements between two flushes cause one message per peer.
#ifndef FLOTILLA_RAFT_LEADER_H_
#define FLOTILLA_RAFT_LEADER_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "raft/member_state.h"
#include "raft/messages.h"
#include "raft/progress.h"
#include "raft/raft_core.h"
#include "raft/read_queue.h"
#include "raft/types.h"

namespace flotilla::raft {

class Leader {
 public:
  // What becomes of the leadership after an input.
  enum class Verdict { kStays, kStepsDown };

  // Takes office in the current term: appends a no-op, whose commit also commits everything before
  // it (Raft thesis 3.6.2).
  explicit Leader(MemberState& state);

  [[nodiscard]] Verdict Tick();
  absl::StatusOr<Position> Propose(SharedBytes payload);
  absl::StatusOr<Position> ProposeConfiguration(const ConfigurationChange& change);
  absl::StatusOr<ReadId> ReadIndex();
  absl::Status Transfer(NodeId target);
  // Peers that have not been told the commit index are told in the next flush.
  void AnnounceCommit();

  // Answers from peers, in this term; from anybody else they are ignored.
  [[nodiscard]] Verdict OnAppendResponse(const Member& from, const AppendResponse& response);
  void OnHeartbeatResponse(const Member& from, const HeartbeatResponse& response);
  void OnReadIndexRequest(const Member& from, const ReadIndexRequest& request);

  // The own disk has made progress.
  [[nodiscard]] Verdict OnPersisted() { return AdvanceCommit(); }
  void OnPeerLost(NodeId node);
  void OnSnapshotFinished(const Member& to, bool ok, LogIndex index);
  // An answer to a fetch, of use or not, has come.
  void OnFetched() { dirty_ = true; }

  // Turns what changed since the last flush into messages.
  void Flush();
  bool WantsFlush() const { return dirty_ || reads_.WantsRound(); }
  // The role ends: waiting reads have failed.
  void Leave();

  // Everything up to here may be compacted without a peer that keeps up needing a snapshot.
  LogIndex CompactionHint() const;
  std::vector<PeerProgress> Peers() const;
  Member transfer_target() const { return transfer_ ? transfer_->target : Member(); }

 private:
  // A peer, and whether it is on its way out: no longer a member by the active configuration, but
  // still sent the entry that removes it and its commit, so that it learns of its removal.
  struct Peer {
    Progress progress;
    std::optional<LogIndex> removed_at;
    int ticks_since_removal = 0;
  };
  struct PendingTransfer {
    Member target;
    int elapsed_ticks = 0;
    bool timeout_now_sent = false;
  };

  Peer* FindPeer(const Member& member);
  const Peer* FindPeer(ReplicaId replica) const;
  bool OwnTermIsCommitted() const { return state_.log().commit() >= first_own_index_; }
  bool HasActiveQuorum() const;
  [[nodiscard]] Verdict AdvanceCommit();
  [[nodiscard]] Verdict OnCommitAdvanced();
  absl::Status CheckMayPropose(size_t bytes) const;

  // leader_replication.cc
  void FlushPeer(Peer& peer);
  bool SendAppends(Progress& progress);
  bool SendAppend(Progress& progress);
  bool SendEmptyAppend(Progress& progress);
  bool SendEntries(Progress& progress, Term prev_term);
  void RequestSnapshot(Progress& progress);
  bool NeedsHeartbeat(const Progress& progress) const;
  void SendHeartbeat(Progress& progress);
  void AnnounceCommit(Progress& progress);
  void OnAccepted(Peer& peer, LogIndex index);
  void OnRejected(Progress& progress, const AppendResponse& response);

  // leader_membership.cc
  LogIndex AppendConfiguration(const Configuration& configuration);
  void UpdatePeers();
  void DropRemovedPeers();
  [[nodiscard]] Verdict FollowUpConfiguration();
  const Peer* Heir() const;
  void HandOverOffice();
  [[nodiscard]] Verdict TickDisk();
  absl::Status CheckMaySucceed(const Progress& heir) const;
  void TickTransfer();
  void ContinueTransfer();

  // leader_reads.cc
  void OnHeard(Progress& progress, ReadCounter counter);
  void ConfirmReads();
  void FinishRead(const Reader& reader, LogIndex index);

  MemberState& state_;
  // The no-op that opened this term.
  LogIndex first_own_index_;
  std::vector<Peer> peers_;  // all members but this one, and those on their way out
  ReadQueue reads_;
  std::optional<PendingTransfer> transfer_;
  int heartbeat_elapsed_ticks_ = 0;
  int quorum_elapsed_ticks_ = 0;
  // The own disk hangs, and leadership was offered to another.
  bool offered_office_ = false;
  bool dirty_ = true;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_LEADER_H_

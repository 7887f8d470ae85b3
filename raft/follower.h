// The passive role (Raft thesis 3.4, 3.5): takes entries from a leader, if there is one, and waits
// long enough before it suspects that there is none. Learners and removed members are followers
// too.
#ifndef FLOTILLA_RAFT_FOLLOWER_H_
#define FLOTILLA_RAFT_FOLLOWER_H_

#include <optional>

#include "absl/status/statusor.h"
#include "base/ids.h"
#include "raft/forwarded_reads.h"
#include "raft/member_state.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

class Follower {
 public:
  // `leader` is none as long as nobody was heard of in this term.
  Follower(MemberState& state, const Member& leader);

  // True if it is time to campaign.
  [[nodiscard]] bool Tick();
  // A message of this term's leader has come. Precondition: there is no other one in this term.
  void HeardFrom(const Member& leader);
  // The member gave its vote to a candidate, which deserves the time to win.
  void OnVoteGranted();
  // Another member is about to campaign: ours, if due to a lost connection, can wait a round.
  void OnPreVoteGranted();
  // The connection to a node broke. If the leader is there, it is forgotten, so that pre-votes are
  // granted, and this member campaigns when its rank says so. True if that is now.
  [[nodiscard]] bool OnPeerLost(NodeId node);

  // Precondition of all three: the message is of this term, and HeardFrom its sender was called.
  void OnAppendRequest(const Member& leader, AppendRequest request);
  void OnHeartbeat(const Member& leader, const Heartbeat& heartbeat);
  void OnReadIndexResponse(const ReadIndexResponse& response);
  // The member has installed a snapshot up to `index`: the leader should know.
  void OnSnapshotInstalled(LogIndex index);

  absl::StatusOr<ReadId> ReadIndex();
  // Asks the leader for the reads registered since the last flush.
  void Flush();
  bool WantsFlush() const { return reads_.HasUnasked(); }
  // The role ends; reads that wait have failed.
  void Leave();

  const Member& leader() const { return leader_; }
  // Whether a leader was heard of so recently that others' campaigns are refused (thesis 4.2.3).
  bool HearsLeader() const;

 private:
  void AcceptEntries(const Member& leader, AppendRequest request);
  void Reject(const Member& leader, const AppendRequest& request);
  void Acknowledge(const Member& leader, ReadCounter counter);
  void TickReads();

  MemberState& state_;
  Member leader_;
  int elapsed_ticks_ = 0;
  int timeout_ticks_;
  // Counts down to the campaign after a lost connection.
  std::optional<int> campaign_in_ticks_;
  ForwardedReads reads_;
  // Highest counter that was echoed to this leader: higher ones are echoed at once.
  ReadCounter echoed_ = 0;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_FOLLOWER_H_

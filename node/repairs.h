// What a leader does about replicas that their own nodes have declared unfit: a member that lost
// acknowledged records may never vote or acknowledge again under its replica id, so it is removed,
// its node added again as a learner under a new id, and promoted once it has caught up (design
// brief, section 4, after corruption).
#ifndef FLOTILLA_NODE_REPAIRS_H_
#define FLOTILLA_NODE_REPAIRS_H_

#include <map>
#include <optional>

#include "base/ids.h"
#include "raft/raft_core.h"

namespace flotilla::node {

class Repairs {
 public:
  // The node says so, and repeats it about once a second.
  void Requested(const raft::Member& failed);
  // This node no longer leads.
  void Forget() { failed_.clear(); }
  bool empty() const { return failed_.empty(); }

  // The next change to propose, given where the group stands; nullopt when there is nothing to do
  // now. One change at a time, and none while another is under way.
  std::optional<raft::ConfigurationChange> NextStep(const raft::RaftStatus& leader);

 private:
  // By node: the replica id that must go.
  std::map<NodeId, ReplicaId> failed_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPAIRS_H_

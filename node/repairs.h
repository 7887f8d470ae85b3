// What a leader does about replicas that their own nodes have declared unfit: a member that lost
// acknowledged records may never vote or acknowledge again under its replica id, so it is removed,
// its node added again as a learner under a new id, and promoted once it has caught up (design
// brief, section 4, after corruption).
//
// Only the first step needs the node's request. From then on the configuration itself says that the
// node is to return (raft::Configuration::returning).
#ifndef FLOTILLA_NODE_REPAIRS_H_
#define FLOTILLA_NODE_REPAIRS_H_

#include <map>
#include <optional>

#include "base/clock.h"
#include "base/ids.h"
#include "raft/raft_core.h"

namespace flotilla::node {

// A learner may vote once it would not hold the next commit up for long (Raft thesis 4.2.1).
bool HasCaughtUp(const raft::RaftStatus& leader, const raft::Member& learner);

class Repairs {
 public:
  // How long a request counts; a node that means it repeats it about once a second. Without an end
  // a replica that is sound after a restart would be removed all the same.
  static constexpr Duration kRequestCounts = std::chrono::seconds(5);

  // The node says that its replica is unfit.
  void Requested(const raft::Member& unfit, MonoTime now);
  // This node no longer leads.
  void Forget() { requests_.clear(); }
  bool empty() const { return requests_.empty(); }

  // The next change to propose, given where the group stands; nullopt when there is nothing to do
  // now. One change at a time, and none while another is under way.
  std::optional<raft::ConfigurationChange> NextStep(const raft::RaftStatus& leader, MonoTime now);

 private:
  struct Request {
    ReplicaId unfit;
    MonoTime when;
  };

  std::optional<raft::ConfigurationChange> BringBack(const raft::RaftStatus& leader) const;

  std::map<NodeId, Request> requests_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPAIRS_H_

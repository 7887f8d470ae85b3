// The answers to one campaign.
#ifndef FLOTILLA_RAFT_VOTE_TALLY_H_
#define FLOTILLA_RAFT_VOTE_TALLY_H_

#include <utility>
#include <vector>

#include "base/ids.h"
#include "raft/quorum.h"
#include "raft/types.h"

namespace flotilla::raft {

class VoteTally {
 public:
  // The first answer of a replica counts; a duplicate changes nothing.
  void Record(ReplicaId replica, bool granted);
  VoteOutcome Outcome(const Configuration& configuration) const;

 private:
  std::vector<std::pair<ReplicaId, bool>> answers_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_VOTE_TALLY_H_

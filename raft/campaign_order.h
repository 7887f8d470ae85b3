// Who campaigns when, after the connection to the leader's node broke. All voters notice at about
// the same time; if all campaigned at once, votes would split. So they take turns in an order that
// everybody computes alike from the group and its configuration; groups start at different voters,
// so that a dead node's groups spread over the living ones.
#ifndef FLOTILLA_RAFT_CAMPAIGN_ORDER_H_
#define FLOTILLA_RAFT_CAMPAIGN_ORDER_H_

#include <optional>

#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::raft {

// How many voters campaign before `self` when `lost` is gone; none if `self` is not a voter.
std::optional<int> CampaignRank(ShardId group, const Configuration& configuration,
                                const Member& self, NodeId lost);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CAMPAIGN_ORDER_H_

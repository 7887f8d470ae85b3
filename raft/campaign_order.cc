#include "raft/campaign_order.h"

#include <algorithm>
#include <optional>
#include <vector>

namespace flotilla::raft {

std::optional<int> CampaignRank(ShardId group, const Configuration& configuration,
                                const Member& self, NodeId lost) {
  std::vector<Member> voters;
  for (const Member& member : configuration.AllMembers()) {
    if (member.node != lost && configuration.IsVoter(member.replica)) voters.push_back(member);
  }
  const auto own = std::find(voters.begin(), voters.end(), self);
  if (own == voters.end()) return std::nullopt;
  const auto position = static_cast<size_t>(own - voters.begin());
  const size_t first = group.value() % voters.size();
  return static_cast<int>((position + voters.size() - first) % voters.size());
}

}  // namespace flotilla::raft

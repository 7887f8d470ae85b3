#include "raft/quorum.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "base/check.h"

namespace flotilla::raft {

uint64_t MajorityValue(const std::vector<Member>& voters,
                       absl::FunctionRef<uint64_t(ReplicaId)> value_of) {
  if (voters.empty()) return UINT64_MAX;
  absl::InlinedVector<uint64_t, 9> values;
  for (const Member& voter : voters) values.push_back(value_of(voter.replica));
  // In descending order, the element at n/2 is reached by n/2 + 1 voters.
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end(), std::greater<>());
  return *middle;
}

uint64_t QuorumValue(const Configuration& configuration,
                     absl::FunctionRef<uint64_t(ReplicaId)> value_of) {
  FLOTILLA_CHECK(!configuration.voters.empty());
  return std::min(MajorityValue(configuration.voters, value_of),
                  MajorityValue(configuration.voters_outgoing, value_of));
}

bool IsQuorum(const Configuration& configuration, absl::FunctionRef<bool(ReplicaId)> has) {
  return QuorumValue(configuration, [has](ReplicaId replica) {
           return has(replica) ? uint64_t{1} : uint64_t{0};
         }) > 0;
}

VoteOutcome CountMajority(const std::vector<Member>& voters,
                          absl::FunctionRef<std::optional<bool>(ReplicaId)> vote_of) {
  const size_t needed = voters.empty() ? 0 : voters.size() / 2 + 1;
  size_t granted = 0;
  size_t open = 0;
  for (const Member& voter : voters) {
    const std::optional<bool> vote = vote_of(voter.replica);
    if (!vote.has_value()) {
      ++open;
    } else if (*vote) {
      ++granted;
    }
  }
  if (granted >= needed) return VoteOutcome::kWon;
  return granted + open >= needed ? VoteOutcome::kPending : VoteOutcome::kLost;
}

VoteOutcome CountVotes(const Configuration& configuration,
                       absl::FunctionRef<std::optional<bool>(ReplicaId)> vote_of) {
  FLOTILLA_CHECK(!configuration.voters.empty());
  const VoteOutcome incoming = CountMajority(configuration.voters, vote_of);
  const VoteOutcome outgoing = CountMajority(configuration.voters_outgoing, vote_of);
  if (incoming == VoteOutcome::kLost || outgoing == VoteOutcome::kLost) return VoteOutcome::kLost;
  if (incoming == VoteOutcome::kWon && outgoing == VoteOutcome::kWon) return VoteOutcome::kWon;
  return VoteOutcome::kPending;
}

}  // namespace flotilla::raft

#include "raft/vote_tally.h"

#include <algorithm>
#include <optional>

namespace flotilla::raft {

void VoteTally::Record(ReplicaId replica, bool granted) {
  const bool answered = std::any_of(answers_.begin(), answers_.end(),
                                    [replica](const auto& a) { return a.first == replica; });
  if (!answered) answers_.emplace_back(replica, granted);
}

VoteOutcome VoteTally::Outcome(const Configuration& configuration) const {
  return CountVotes(configuration, [this](ReplicaId replica) -> std::optional<bool> {
    for (const auto& [voter, granted] : answers_) {
      if (voter == replica) return granted;
    }
    return std::nullopt;
  });
}

}  // namespace flotilla::raft

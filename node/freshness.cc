#include "node/freshness.h"

#include <algorithm>
#include <functional>

namespace flotilla::node {

void Freshness::HeardCommit(MonoTime now, LogIndex commit, LogIndex applied) {
  if (heard_.has_value()) return;
  heard_ = Heard{now, commit};
  Applied(applied);
}

void Freshness::Applied(LogIndex applied) {
  if (!heard_.has_value() || heard_->commit > applied) return;
  Confirmed(heard_->when);
  heard_.reset();
}

void Freshness::Confirmed(MonoTime when) { fresh_as_of_ = std::max(fresh_as_of_, when); }

void Freshness::HeardPeer(ReplicaId peer, MonoTime now) { peers_[peer] = now; }

void Freshness::LedBy(const raft::Configuration& configuration, ReplicaId self, MonoTime now) {
  MonoTime heard = MajorityHeard(configuration.voters, self, now);
  if (configuration.IsJoint()) {
    heard = std::min(heard, MajorityHeard(configuration.voters_outgoing, self, now));
  }
  Confirmed(heard);
}

MonoTime Freshness::MajorityHeard(const std::vector<raft::Member>& voters, ReplicaId self,
                                  MonoTime now) const {
  std::vector<MonoTime> times;
  for (const raft::Member& voter : voters) {
    const auto heard = peers_.find(voter.replica);
    if (voter.replica == self) {
      times.push_back(now);
    } else {
      times.push_back(heard == peers_.end() ? MonoTime() : heard->second);
    }
  }
  if (times.empty()) return MonoTime();
  std::sort(times.begin(), times.end(), std::greater<>());
  return times[times.size() / 2];
}

}  // namespace flotilla::node

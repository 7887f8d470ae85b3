// How old a replica's state may be: what a stale read says of itself.
#ifndef FLOTILLA_NODE_FRESHNESS_H_
#define FLOTILLA_NODE_FRESHNESS_H_

#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::node {

class Freshness {
 public:
  explicit Freshness(MonoTime start) : fresh_as_of_(start) {}

  // A leader said at `now` how far it had committed: once that is applied, the state is as fresh as
  // this moment was. While one such word waits to be applied, later ones are not noted.
  void HeardCommit(MonoTime now, LogIndex commit, LogIndex applied);
  void Applied(LogIndex applied);
  // A linearizable read that was registered at `when` was confirmed.
  void Confirmed(MonoTime when);
  // A peer spoke to this replica while it led: a leader is as fresh as the last word of a majority.
  void HeardPeer(ReplicaId peer, MonoTime now);
  void LedBy(const raft::Configuration& configuration, ReplicaId self, MonoTime now);

  MonoTime fresh_as_of() const { return fresh_as_of_; }

 private:
  struct Heard {
    MonoTime when;
    LogIndex commit;
  };
  MonoTime MajorityHeard(const std::vector<raft::Member>& voters, ReplicaId self,
                         MonoTime now) const;

  MonoTime fresh_as_of_;
  std::optional<Heard> heard_;
  std::map<ReplicaId, MonoTime> peers_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_FRESHNESS_H_

// What the raft world's machines keep on disk, as a model: not bytes but values, with the same
// promises as storage/log.h (changes become durable in order; a crash keeps a prefix of those that
// were not reported). The real log runs in the node world.
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_MODEL_LOG_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_MODEL_LOG_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "base/random.h"
#include "raft/types.h"
#include "tests/simulation/raft/raft_oracle.h"

namespace flotilla::simulation {

struct LoggedEntry {
  raft::Entry entry;
  Link link = 0;
};

// All that a machine has of one group.
struct GroupLog {
  ReplicaId replica;  // none: no replica is here
  ReplicaId lowest_allowed{1};
  raft::HardState hard_state;
  raft::SnapshotMeta base;
  Link base_link = 0;
  std::deque<LoggedEntry> entries;  // from base.index + 1, without gaps
  // The state machine's durable state contains everything up to here. At least base.index.
  LogIndex engine_durable;

  LogIndex last_index() const { return base.index + entries.size(); }
  // The link at an index of [base.index, last_index]; nullopt elsewhere.
  std::optional<Link> LinkAt(LogIndex index) const;
  const raft::Entry* EntryAt(LogIndex index) const;

  // Replaces everything from the first new entry on.
  void Append(const std::vector<LoggedEntry>& added);
  // Forgets entries up to meta.index.
  void Compact(const raft::SnapshotMeta& meta, Link link);
  // The state is a snapshot's now; the log after it stays where it matches.
  void Install(const raft::SnapshotMeta& meta, Link link);
};

class ModelLog {
 public:
  using Change = std::function<void(GroupLog&)>;

  // Takes effect in Current now and on the disk with Complete.
  void Write(ShardId group, Change change, Task durable);
  bool HasPending() const { return !pending_.empty(); }
  size_t pending() const { return pending_.size(); }
  // The first `count` pending writes are durable; gives back what is to be run to report them.
  std::vector<Task> Complete(size_t count);

  // The state machine's own files now hold everything up to `index`.
  void FlushEngine(ShardId group, LogIndex index);

  // The machine stops; some of what was pending, drawn, was durable already.
  void Crash(Random& random);

  GroupLog& Current(ShardId group) { return current_[group]; }
  const GroupLog* Durable(ShardId group) const;
  // All groups that were ever here.
  std::vector<ShardId> Groups() const;

  // For the beginning of the world.
  void Format(ShardId group, const GroupLog& log);

 private:
  struct Pending {
    ShardId group;
    Change change;
    Task durable;
  };

  std::map<ShardId, GroupLog> current_;
  std::map<ShardId, GroupLog> durable_;
  std::deque<Pending> pending_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_MODEL_LOG_H_

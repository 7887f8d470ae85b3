// Which configuration was in force at which index of the log. The last one is active, committed or
// not; a truncated suffix takes its configurations with it (Raft thesis 4.1; scylladb's
// test_truncate_rederives_config_indices), and a snapshot takes along the one as of its index.
#ifndef FLOTILLA_RAFT_CONFIGURATION_HISTORY_H_
#define FLOTILLA_RAFT_CONFIGURATION_HISTORY_H_

#include <vector>

#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::raft {

class ConfigurationHistory {
 public:
  // A configuration and the index of the entry (or snapshot) that set it.
  struct Record {
    LogIndex index;
    Configuration configuration;
  };

  explicit ConfigurationHistory(Record oldest);

  const Configuration& active() const { return records_.back().configuration; }
  LogIndex active_index() const { return records_.back().index; }

  // The record in force at `index`. Precondition: not before the oldest one.
  const Record& At(LogIndex index) const;

  // The newest configuration that is certainly committed, given that `commit` is: the active one or
  // the one before it, because no change begins before the last one is committed.
  const Configuration& Settled(LogIndex commit) const;

  // Precondition: `index` is after the active one's.
  void Append(LogIndex index, Configuration configuration);
  // Forgets what was set at `index` or later. Precondition: the oldest one was set before.
  void TruncateFrom(LogIndex index);
  // Forgets what is not in force at `index` or later.
  void CompactTo(LogIndex index);
  void Reset(Record only);

 private:
  // In ascending order of index. Invariant: never empty.
  std::vector<Record> records_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_CONFIGURATION_HISTORY_H_

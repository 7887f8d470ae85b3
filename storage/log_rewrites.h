// The rewrites that go on. Reading a group's entries back takes a while; what is appended meanwhile
// is kept here, so that in the end all live entries are at hand and go out as one item.
//
// Lives on the home executor, owned by the log. Not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_REWRITES_H_
#define FLOTILLA_STORAGE_LOG_REWRITES_H_

#include <cstdint>
#include <map>
#include <vector>

#include "base/executor.h"
#include "base/ids.h"
#include "raft/types.h"
#include "storage/log_group.h"

namespace flotilla::storage {

class Rewrites {
 public:
  // A rewrite begins, or `durable` joins the one that goes on.
  void Begin(ShardId group, Lsn last_entry, Task durable);
  bool Contains(ShardId group) const { return rewrites_.contains(group); }

  // Those whose entries are all durable by now and have not been given out yet; they are to be read
  // and then finished. An id tells a rewrite from a later one of the same group.
  struct Ready {
    ShardId group;
    uint64_t id = 0;
  };
  std::vector<Ready> TakeReady(Lsn durable_lsn);

  void OnAppend(ShardId group, const std::vector<raft::Entry>& entries);

  // False when the rewrite is over.
  bool IsCurrent(Ready rewrite) const;
  // What was read, with what came in between laid over it: exactly the live entries of `log`.
  // Precondition: IsCurrent.
  std::vector<raft::Entry> Merge(Ready rewrite, std::vector<raft::Entry> read,
                                 const LogGroup& log) const;
  // The group's rewrite was written, or a record that replaces everything of the group made it
  // unnecessary. Returns who waits for it.
  std::vector<Task> Finish(ShardId group);

 private:
  struct Rewrite {
    uint64_t id = 0;
    Lsn last_entry;
    bool given_out = false;
    std::map<LogIndex, raft::Entry> appended;
    std::vector<Task> durable;
  };

  std::map<ShardId, Rewrite> rewrites_;
  uint64_t next_id_ = 1;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_REWRITES_H_

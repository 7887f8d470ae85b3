// Entries whose payloads are no longer in memory, on their way back from disk for a slow peer. One
// request is under way at a time; its answer stays usable until the next flush is over.
#ifndef FLOTILLA_RAFT_ENTRY_FETCH_H_
#define FLOTILLA_RAFT_ENTRY_FETCH_H_

#include <optional>
#include <vector>

#include "base/ids.h"
#include "raft/raft_core.h"
#include "raft/raft_log.h"
#include "raft/types.h"

namespace flotilla::raft {

class EntryFetch {
 public:
  bool under_way() const { return request_.has_value(); }
  // Precondition: none is under way.
  void Begin(const FetchRequest& request);
  // The answer. True if it is of use: entries of `log`, from where they were asked for. An empty or
  // useless one means that the disk has them no more.
  // Precondition: a request is under way.
  bool Complete(std::vector<Entry> entries, const RaftLog& log);
  // What the last useless answer was for: peers that need these entries need a snapshot.
  bool IsGone(LogIndex index) const;
  // It may have been another log's answer: the next peer that needs these entries asks again.
  void ForgetGone() { gone_first_ = gone_last_ = LogIndex(0); }

  // The fetched entries from `first` on, at most `max_bytes` but at least one; empty if not there.
  std::vector<Entry> Slice(LogIndex first, size_t max_bytes) const;
  void Drop() { fetched_.clear(); }

 private:
  std::optional<FetchRequest> request_;
  std::vector<Entry> fetched_;
  // The range that turned out to be gone.
  LogIndex gone_first_;
  LogIndex gone_last_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_ENTRY_FETCH_H_

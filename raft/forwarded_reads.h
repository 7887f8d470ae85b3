// The reads of a follower's own callers, while the leader is asked on their behalf. All reads
// registered between two flushes share one question. Questions are repeated, since a message may
// be lost, and given up after a while. A question's context is never used twice, not even by a
// later life of the same replica: an answer to an old one would confirm too low an index.
#ifndef FLOTILLA_RAFT_FORWARDED_READS_H_
#define FLOTILLA_RAFT_FORWARDED_READS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "raft/raft_core.h"

namespace flotilla::raft {

class ForwardedReads {
 public:
  // Adds a read to the question that is asked next.
  void Add(ReadId read) { next_.push_back(read); }
  bool HasUnasked() const { return !next_.empty(); }
  // The reads added so far wait for the answer to `context` from now on.
  // Precondition: HasUnasked, and `context` is new.
  void Ask(uint64_t context);
  // The reads that an answer to `context` is for; none if it was answered or given up before.
  std::vector<ReadId> Answer(uint64_t context);

  void Tick();
  // The questions that are due to be asked again, having waited another `ticks`.
  std::vector<uint64_t> DueAgain(int ticks) const;
  // The reads that have waited for at least `ticks`: they are given up.
  std::vector<ReadId> TakeExpired(int ticks);
  std::vector<ReadId> TakeAll();

  size_t size() const;

 private:
  struct Question {
    uint64_t context = 0;
    std::vector<ReadId> reads;
    int age_ticks = 0;
  };

  std::vector<ReadId> next_;
  std::deque<Question> asked_;  // oldest first
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_FORWARDED_READS_H_

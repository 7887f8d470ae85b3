// How far a replica that is being filled has come, and when it will be there: the bytes of its
// snapshot, then the entries of the log that it lacks.
//
// A value; not thread-safe.
#ifndef FLOTILLA_NODE_TRANSFER_METER_H_
#define FLOTILLA_NODE_TRANSFER_METER_H_

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/ids.h"

namespace flotilla::node {

// As the shard's leader says.
struct LearnerProgress {
  NodeId node;
  // Of the snapshot that it is being sent; 0 of 0 while it is sent none.
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
  uint64_t entries_behind = 0;

  friend bool operator==(const LearnerProgress&, const LearnerProgress&) = default;
};

class TransferMeter {
 public:
  struct Reading {
    uint64_t bytes_done = 0;
    uint64_t bytes_total = 0;  // 0: not known yet
    uint64_t entries_behind = 0;
    // Until all bytes are there, at the rate seen so far; none while none was seen.
    std::optional<Duration> left;

    friend bool operator==(const Reading&, const Reading&) = default;
  };

  // True when it has come further than ever.
  bool Note(const LearnerProgress& progress, MonoTime now);
  Reading Read() const;

 private:
  // Where the rate is measured from: the first word of the transfer that runs.
  struct Origin {
    uint64_t bytes = 0;
    MonoTime at;
  };

  LearnerProgress last_;
  MonoTime last_at_;
  std::optional<Origin> origin_;
  uint64_t most_bytes_ = 0;
  std::optional<uint64_t> fewest_entries_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_TRANSFER_METER_H_

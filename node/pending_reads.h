// Reads that a replica has accepted and not answered. A linearizable read passes three places:
// waiting to be registered with the leader (all that wait share one round), registered and waiting
// for the read index, and waiting until that index is applied.
#ifndef FLOTILLA_NODE_PENDING_READS_H_
#define FLOTILLA_NODE_PENDING_READS_H_

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "node/request.h"
#include "raft/raft_core.h"

namespace flotilla::node {

struct PendingRead {
  ReadRequest request;
  ReadDone done;
};

class PendingReads {
 public:
  void Add(PendingRead read);

  bool has_waiting() const { return !waiting_.empty(); }
  size_t size() const { return size_; }

  // Everything that waits is registered under one id, at `now`.
  void Registered(raft::ReadId id, MonoTime now);
  // The read index is known; returns when the round was registered. An index of none puts the reads
  // back to waiting: they will be registered again (with another leader, perhaps).
  std::optional<MonoTime> Confirmed(const raft::ReadReady& ready);
  // Takes all reads whose index is applied.
  std::vector<PendingRead> TakeReady(LogIndex applied);

  // Answers what is past its deadline; nothing was read for it.
  void Expire(MonoTime now);
  std::optional<MonoTime> EarliestDeadline() const { return earliest_deadline_; }
  void FailAll(const Error& error);

 private:
  struct Round {
    MonoTime registered;
    std::vector<PendingRead> reads;
  };
  // Moves the reads that `expired` accepts from one place to `out`.
  void Extract(std::vector<PendingRead>& from, MonoTime now, std::vector<PendingRead>& out);

  std::vector<PendingRead> waiting_;
  std::map<raft::ReadId, Round> registered_;
  std::map<LogIndex, std::vector<PendingRead>> confirmed_;
  size_t size_ = 0;
  std::optional<MonoTime> earliest_deadline_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PENDING_READS_H_

// Reads that a replica has accepted and not answered. A linearizable read passes four places:
// waiting to be registered with the leader (all that wait share one round), registered and waiting
// for the read index, waiting until that index is applied, and executing. Wherever it is, it is
// counted, and answered when its deadline or the replica's end comes first.
#ifndef FLOTILLA_NODE_PENDING_READS_H_
#define FLOTILLA_NODE_PENDING_READS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "node/request.h"
#include "node/request_budget.h"
#include "raft/raft_core.h"

namespace flotilla::node {

struct PendingRead {
  ReadRequest request;
  ReadDone done;
  RequestBudget::Share share = {};

  bool answered() const { return done == nullptr; }
  // Once. Its share is free before the caller hears of it and asks for more.
  void Answer(ReadReply reply) {
    share.GiveBack();
    std::exchange(done, nullptr)(std::move(reply));
  }
};

// Reads to be executed together.
struct ReadBatch {
  uint64_t id = 0;
  std::vector<kv::ReadRequest> reads;
};

class PendingReads {
 public:
  void Add(PendingRead read);
  // One that may be executed on any state.
  void AddReady(PendingRead read);

  bool has_waiting() const { return !waiting_.empty(); }
  size_t size() const { return size_; }

  // Everything that waits is registered under one id, at `now`.
  void Registered(raft::ReadId id, MonoTime now);
  // The read index is known; returns when the round was registered. An index of none puts the reads
  // back to waiting: they will be registered again (with another leader, perhaps).
  std::optional<MonoTime> Confirmed(const raft::ReadReady& ready);
  // All reads whose index is applied are executing from now on; nullopt when there are none.
  std::optional<ReadBatch> TakeReady(LogIndex applied);
  // Batches that are executing.
  size_t executing() const { return executing_.size(); }
  // The next `count` reads of a batch were executed, and are to be answered by the caller. Some may
  // have been answered early; there are none at all when all were failed meanwhile.
  std::vector<PendingRead> Executed(uint64_t batch, size_t count);

  // Answers what is past its deadline; nothing was read for it.
  void Expire(MonoTime now);
  std::optional<MonoTime> EarliestDeadline() const { return earliest_deadline_; }
  void FailAll(const Error& error);

 private:
  struct Round {
    MonoTime registered;
    std::vector<PendingRead> reads;
  };
  struct Executing {
    std::vector<PendingRead> reads;
    size_t executed = 0;  // of them, and moved out
  };
  void Place(PendingRead read, std::vector<PendingRead>& place);
  void NoteDeadline(const PendingRead& read);
  // Moves what is past its deadline from one place to `out`.
  void Extract(std::vector<PendingRead>& from, MonoTime now, std::vector<PendingRead>& out);

  std::vector<PendingRead> waiting_;
  std::map<raft::ReadId, Round> registered_;
  std::map<LogIndex, std::vector<PendingRead>> confirmed_;
  std::map<uint64_t, Executing> executing_;
  uint64_t next_batch_ = 1;
  size_t size_ = 0;
  std::optional<MonoTime> earliest_deadline_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PENDING_READS_H_

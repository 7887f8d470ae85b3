// Writes that a replica has accepted and not answered: first waiting to be proposed, then proposed
// and waiting for their entry to be applied.
#ifndef FLOTILLA_NODE_PENDING_WRITES_H_
#define FLOTILLA_NODE_PENDING_WRITES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kv/state_machine.h"
#include "node/request.h"
#include "node/request_budget.h"
#include "node/stage_observer.h"
#include "raft/raft_core.h"

namespace flotilla::node {

struct PendingWrite {
  WriteRequest request;
  WriteDone done;
  RequestBudget::Share share = {};

  bool answered() const { return done == nullptr; }
  // Once. Its share is free before the caller hears of it and asks for more.
  void Answer(WriteReply reply) {
    share.GiveBack();
    std::exchange(done, nullptr)(std::move(reply));
  }
};

class PendingWrites {
 public:
  void Add(PendingWrite write);

  bool has_waiting() const { return !waiting_.empty(); }
  size_t waiting() const { return waiting_.size(); }
  size_t waiting_bytes() const { return waiting_bytes_; }
  size_t in_flight() const { return in_flight_; }
  size_t size() const { return waiting_.size() + in_flight_; }

  // Takes the waiting writes that fit in one entry, oldest first; at least one.
  std::vector<PendingWrite> TakeBatch(size_t max_bytes);
  // Takes all that wait, to send them elsewhere.
  std::vector<PendingWrite> TakeWaiting();
  // Gives a batch back, to its old place.
  void ReturnBatch(std::vector<PendingWrite> batch);
  // The batch became the entry at `position`. Positions never decrease within a leadership.
  void Proposed(raft::Position position, std::vector<PendingWrite> batch);

  // An entry was applied: answers the writes that it carried. Writes proposed at or below its index
  // under another term were overwritten: they were not applied, and never will be.
  void Applied(kv::EntryResult result);
  // Applied up to `index` without results for it (a snapshot): whatever was proposed up to there
  // can no longer be told.
  void AppliedWithoutResults(LogIndex index);

  // Tells the observer that the sampled writes proposed up to `index` have reached a stage.
  void Mark(StageObserver& observer, Stage stage, LogIndex index, MonoTime now) const;

  // Leadership is lost: what was proposed may still be committed by others.
  void FailProposed(const Error& error);
  void FailWaiting(const Error& error);
  // Answers what is past its deadline. A waiting write has certainly not happened.
  void Expire(MonoTime now);
  // No deadline is before this; nullopt when nothing is pending.
  std::optional<MonoTime> EarliestDeadline() const { return earliest_deadline_; }

 private:
  struct Batch {
    raft::Position position;
    // Some may have been answered early (deadline).
    std::vector<PendingWrite> writes;
  };
  void FailBatch(Batch& batch, const Error& error);

  std::deque<PendingWrite> waiting_;
  size_t waiting_bytes_ = 0;
  std::deque<Batch> proposed_;
  size_t in_flight_ = 0;
  std::optional<MonoTime> earliest_deadline_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_PENDING_WRITES_H_

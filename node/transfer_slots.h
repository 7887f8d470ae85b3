// How many transfers run at once on a node; who comes too late waits in order. One for the
// snapshots that it sends, one for those that it receives. On the node's executor only.
#ifndef FLOTILLA_NODE_TRANSFER_SLOTS_H_
#define FLOTILLA_NODE_TRANSFER_SLOTS_H_

#include <cstddef>
#include <deque>
#include <memory>

#include "base/executor.h"

namespace flotilla::node {

class TransferSlots {
  struct State;
  struct Claim;

 public:
  // A slot, or a place in the queue for one. Given back when it is destroyed; may outlive the
  // slots.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&&) = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { GiveBack(); }

    bool empty() const { return claim_ == nullptr; }
    bool granted() const;
    // The first that waits gets what was held. The ticket is empty afterwards.
    void GiveBack();

   private:
    friend class TransferSlots;
    Ticket(std::shared_ptr<State> state, std::shared_ptr<Claim> claim);

    std::shared_ptr<State> state_;
    // The queue has it too, until it is granted.
    std::shared_ptr<Claim> claim_;
  };

  // With a limit of 0 nobody ever waits. The executor outlives all tickets.
  TransferSlots(size_t limit, Executor& executor);

  // Granted at once while a slot is free; else `granted` runs when one is, and not if the ticket is
  // given back before.
  Ticket Join(Task granted);

 private:
  // Shared with the tickets, so that it does not matter who is destroyed first.
  std::shared_ptr<State> state_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_TRANSFER_SLOTS_H_

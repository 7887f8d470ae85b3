#include "node/transfer_slots.h"

#include <utility>

#include "base/check.h"

namespace flotilla::node {

struct TransferSlots::Claim {
  bool granted = false;
  Task on_granted;
};

struct TransferSlots::State {
  bool HasFree() const { return limit == 0 || taken < limit; }
  void GrantNext();

  const size_t limit;
  Executor& executor;
  size_t taken = 0;
  // Invariant: empty while a slot is free.
  std::deque<std::shared_ptr<Claim>> waiting;
};

// Not at once: whoever gives a slot back is in the middle of something.
void TransferSlots::State::GrantNext() {
  if (waiting.empty() || !HasFree()) return;
  const std::shared_ptr<Claim> next = std::move(waiting.front());
  waiting.pop_front();
  ++taken;
  next->granted = true;
  executor.Post([weak = std::weak_ptr<Claim>(next)] {
    if (const std::shared_ptr<Claim> claim = weak.lock()) claim->on_granted();
  });
}

TransferSlots::TransferSlots(size_t limit, Executor& executor)
    : state_(new State{.limit = limit, .executor = executor, .taken = 0, .waiting = {}}) {}

TransferSlots::Ticket TransferSlots::Join(Task granted) {
  auto claim = std::make_shared<Claim>();
  claim->granted = state_->HasFree();
  if (claim->granted) {
    ++state_->taken;
  } else {
    claim->on_granted = std::move(granted);
    state_->waiting.push_back(claim);
  }
  return Ticket(state_, std::move(claim));
}

TransferSlots::Ticket::Ticket(std::shared_ptr<State> state, std::shared_ptr<Claim> claim)
    : state_(std::move(state)), claim_(std::move(claim)) {}

TransferSlots::Ticket& TransferSlots::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  state_ = std::move(other.state_);
  claim_ = std::move(other.claim_);
  return *this;
}

bool TransferSlots::Ticket::granted() const { return claim_ != nullptr && claim_->granted; }

void TransferSlots::Ticket::GiveBack() {
  const std::shared_ptr<Claim> claim = std::exchange(claim_, nullptr);
  if (claim == nullptr) return;
  if (claim->granted) {
    FLOTILLA_CHECK_GT(state_->taken, size_t{0});
    --state_->taken;
    state_->GrantNext();
  } else {
    std::erase(state_->waiting, claim);
  }
}

}  // namespace flotilla::node

// Memory for answers: they are counted from when the node gives them until they have left, whoever
// they are for, so that callers who ask for much and read slowly do not use up the node's memory.
#ifndef FLOTILLA_SERVER_ANSWER_BUDGET_H_
#define FLOTILLA_SERVER_ANSWER_BUDGET_H_

#include <atomic>
#include <cstddef>

namespace flotilla::server {

// Of one process. Thread-safe.
class AnswerBudget {
 public:
  explicit AnswerBudget(size_t max_bytes) : max_bytes_(max_bytes) {}

  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t free() const {
    const size_t used_bytes = used();
    return used_bytes < max_bytes_ ? max_bytes_ - used_bytes : 0;
  }

 private:
  friend class AnswerAccount;

  const size_t max_bytes_;
  std::atomic<size_t> used_ = 0;
};

// What one stream or call has of the budget, which outlives it. Thread-safe.
class AnswerAccount {
 public:
  explicit AnswerAccount(AnswerBudget& budget) : budget_(budget) {}
  // Gives back what is still held.
  ~AnswerAccount() { Release(held()); }
  AnswerAccount(const AnswerAccount&) = delete;
  AnswerAccount& operator=(const AnswerAccount&) = delete;

  size_t held() const { return held_.load(std::memory_order_relaxed); }
  // How much more it should take. Never more than a quarter of what is free, so that however many
  // slow readers there are, the next caller finds room.
  size_t room() const {
    const size_t share = budget_.free() / 4;
    const size_t held_bytes = held();
    return held_bytes < share ? share - held_bytes : 0;
  }

  // Also beyond the room: what has happened must be answered.
  void Take(size_t bytes) {
    held_.fetch_add(bytes, std::memory_order_relaxed);
    budget_.used_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void Release(size_t bytes) {
    held_.fetch_sub(bytes, std::memory_order_relaxed);
    budget_.used_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  AnswerBudget& budget_;
  std::atomic<size_t> held_ = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_ANSWER_BUDGET_H_

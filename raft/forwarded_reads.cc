#include "raft/forwarded_reads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

void ForwardedReads::Ask(uint64_t context) {
  FLOTILLA_CHECK(HasUnasked());
  asked_.push_back({context, std::exchange(next_, {})});
}

std::vector<ReadId> ForwardedReads::Answer(uint64_t context) {
  const auto question = std::find_if(asked_.begin(), asked_.end(),
                                     [context](const Question& q) { return q.context == context; });
  if (question == asked_.end()) return {};
  std::vector<ReadId> reads = std::move(question->reads);
  asked_.erase(question);
  return reads;
}

void ForwardedReads::Tick() {
  for (Question& question : asked_) ++question.age_ticks;
}

std::vector<uint64_t> ForwardedReads::DueAgain(int ticks) const {
  std::vector<uint64_t> due;
  for (const Question& question : asked_) {
    if (question.age_ticks > 0 && question.age_ticks % ticks == 0) due.push_back(question.context);
  }
  return due;
}

std::vector<ReadId> ForwardedReads::TakeExpired(int ticks) {
  std::vector<ReadId> expired;
  while (!asked_.empty() && asked_.front().age_ticks >= ticks) {
    const std::vector<ReadId>& reads = asked_.front().reads;
    expired.insert(expired.end(), reads.begin(), reads.end());
    asked_.pop_front();
  }
  return expired;
}

std::vector<ReadId> ForwardedReads::TakeAll() {
  std::vector<ReadId> all;
  for (const Question& question : std::exchange(asked_, {})) {
    all.insert(all.end(), question.reads.begin(), question.reads.end());
  }
  all.insert(all.end(), next_.begin(), next_.end());
  next_.clear();
  return all;
}

size_t ForwardedReads::size() const {
  size_t total = next_.size();
  for (const Question& question : asked_) total += question.reads.size();
  return total;
}

}  // namespace flotilla::raft

#include "raft/read_queue.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

void ReadQueue::Register(Reader reader, LogIndex commit) {
  waiting_.push_back({reader, commit, counter_ + 1});
}

void ReadQueue::Unpark(LogIndex commit) {
  for (const Reader& reader : std::exchange(parked_, {})) Register(reader, commit);
}

void ReadQueue::BeginRound() {
  FLOTILLA_CHECK(WantsRound());
  ++counter_;
}

std::vector<ConfirmedRead> ReadQueue::Confirm(ReadCounter round) {
  FLOTILLA_CHECK_LE(round, counter_);
  std::vector<ConfirmedRead> confirmed;
  while (!waiting_.empty() && waiting_.front().round <= round) {
    confirmed.push_back({waiting_.front().reader, waiting_.front().index});
    waiting_.pop_front();
  }
  return confirmed;
}

std::vector<Reader> ReadQueue::TakeAll() {
  std::vector<Reader> readers = std::exchange(parked_, {});
  for (const Waiting& waiting : std::exchange(waiting_, {})) readers.push_back(waiting.reader);
  return readers;
}

bool ReadQueue::Contains(const ForwardedRead& read) const {
  const Reader reader = read;
  return std::find(parked_.begin(), parked_.end(), reader) != parked_.end() ||
         std::any_of(waiting_.begin(), waiting_.end(),
                     [&reader](const Waiting& waiting) { return waiting.reader == reader; });
}

}  // namespace flotilla::raft

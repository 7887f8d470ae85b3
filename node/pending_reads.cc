#include "node/pending_reads.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "node/errors.h"

namespace flotilla::node {

namespace {

void MoveAll(std::vector<PendingRead>& from, std::vector<PendingRead>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

}  // namespace

void PendingReads::Add(PendingRead read) {
  const MonoTime deadline = read.request.context.deadline;
  earliest_deadline_ = std::min(earliest_deadline_.value_or(deadline), deadline);
  waiting_.push_back(std::move(read));
  ++size_;
}

void PendingReads::Registered(raft::ReadId id, MonoTime now) {
  Round& round = registered_[id];
  round.registered = now;
  MoveAll(waiting_, round.reads);
}

std::optional<MonoTime> PendingReads::Confirmed(const raft::ReadReady& ready) {
  const auto round = registered_.find(ready.id);
  // All of its reads may have expired meanwhile.
  if (round == registered_.end()) return std::nullopt;
  const MonoTime registered = round->second.registered;
  MoveAll(round->second.reads, ready.index.is_none() ? waiting_ : confirmed_[ready.index]);
  registered_.erase(round);
  return ready.index.is_none() ? std::nullopt : std::optional<MonoTime>(registered);
}

std::vector<PendingRead> PendingReads::TakeReady(LogIndex applied) {
  std::vector<PendingRead> ready;
  while (!confirmed_.empty() && confirmed_.begin()->first <= applied) {
    MoveAll(confirmed_.begin()->second, ready);
    confirmed_.erase(confirmed_.begin());
  }
  size_ -= ready.size();
  return ready;
}

void PendingReads::Extract(std::vector<PendingRead>& from, MonoTime now,
                           std::vector<PendingRead>& out) {
  const auto expired = std::stable_partition(from.begin(), from.end(), [&](const PendingRead& r) {
    return r.request.context.deadline > now;
  });
  std::move(expired, from.end(), std::back_inserter(out));
  from.erase(expired, from.end());
  for (const PendingRead& read : from) {
    const MonoTime deadline = read.request.context.deadline;
    earliest_deadline_ = std::min(earliest_deadline_.value_or(deadline), deadline);
  }
}

void PendingReads::Expire(MonoTime now) {
  if (!earliest_deadline_.has_value() || *earliest_deadline_ > now) return;
  earliest_deadline_.reset();
  std::vector<PendingRead> expired;
  Extract(waiting_, now, expired);
  for (auto& [id, round] : registered_) Extract(round.reads, now, expired);
  for (auto& [index, reads] : confirmed_) Extract(reads, now, expired);
  size_ -= expired.size();
  for (PendingRead& read : expired) {
    read.done({.error = DeadlineExceeded(Outcome::kNotApplied), .result = {}, .lag = {}});
  }
}

void PendingReads::FailAll(const Error& error) {
  std::vector<PendingRead> all;
  MoveAll(waiting_, all);
  for (auto& [id, round] : registered_) MoveAll(round.reads, all);
  for (auto& [index, reads] : confirmed_) MoveAll(reads, all);
  registered_.clear();
  confirmed_.clear();
  size_ = 0;
  for (PendingRead& read : all) read.done({.error = error, .result = {}, .lag = {}});
}

}  // namespace flotilla::node

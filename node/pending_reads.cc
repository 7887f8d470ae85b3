#include "node/pending_reads.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "node/errors.h"

namespace flotilla::node {

namespace {

void MoveAll(std::vector<PendingRead>& from, std::vector<PendingRead>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  from.clear();
}

void Fail(std::vector<PendingRead>& reads, const Error& error) {
  for (PendingRead& read : reads) {
    if (!read.answered()) read.Answer({.error = error, .result = {}, .lag = {}});
  }
}

std::vector<PendingRead>::iterator At(std::vector<PendingRead>& reads, size_t i) {
  return reads.begin() + static_cast<ptrdiff_t>(i);
}

}  // namespace

void PendingReads::Add(PendingRead read) { Place(std::move(read), waiting_); }

void PendingReads::AddReady(PendingRead read) { Place(std::move(read), confirmed_[LogIndex()]); }

void PendingReads::Place(PendingRead read, std::vector<PendingRead>& place) {
  NoteDeadline(read);
  place.push_back(std::move(read));
  ++size_;
}

void PendingReads::NoteDeadline(const PendingRead& read) {
  const MonoTime deadline = read.request.context.deadline;
  earliest_deadline_ = std::min(earliest_deadline_.value_or(deadline), deadline);
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

std::optional<ReadBatch> PendingReads::TakeReady(LogIndex applied) {
  std::vector<PendingRead> ready;
  while (!confirmed_.empty() && confirmed_.begin()->first <= applied) {
    MoveAll(confirmed_.begin()->second, ready);
    confirmed_.erase(confirmed_.begin());
  }
  // All of them may have expired meanwhile.
  if (ready.empty()) return std::nullopt;
  ReadBatch batch{.id = next_batch_++, .reads = {}};
  batch.reads.reserve(ready.size());
  for (PendingRead& read : ready) batch.reads.push_back(std::move(read.request.read));
  executing_.emplace(batch.id, Executing{.reads = std::move(ready)});
  return batch;
}

std::vector<PendingRead> PendingReads::Executed(uint64_t batch, size_t count) {
  const auto found = executing_.find(batch);
  if (found == executing_.end()) return {};
  auto& [all, executed] = found->second;
  FLOTILLA_CHECK(count <= all.size() - executed);
  std::vector<PendingRead> reads;
  if (count == all.size()) {
    reads = std::move(all);
    executing_.erase(found);
  } else {
    const auto first = std::make_move_iterator(At(all, executed));
    executed += count;
    reads.assign(first, std::make_move_iterator(At(all, executed)));
    if (executed == all.size()) executing_.erase(found);
  }
  size_ -= static_cast<size_t>(std::count_if(
      reads.begin(), reads.end(), [](const PendingRead& read) { return !read.answered(); }));
  return reads;
}

void PendingReads::Extract(std::vector<PendingRead>& from, MonoTime now,
                           std::vector<PendingRead>& out) {
  const auto expired = std::stable_partition(from.begin(), from.end(), [&](const PendingRead& r) {
    return r.request.context.deadline > now;
  });
  std::move(expired, from.end(), std::back_inserter(out));
  from.erase(expired, from.end());
  for (const PendingRead& read : from) NoteDeadline(read);
}

void PendingReads::Expire(MonoTime now) {
  if (!earliest_deadline_.has_value() || *earliest_deadline_ > now) return;
  earliest_deadline_.reset();
  // Answered in a second step: an answer may bring the next request, which is added here.
  std::vector<PendingRead> expired;
  Extract(waiting_, now, expired);
  for (auto& [id, round] : registered_) Extract(round.reads, now, expired);
  for (auto& [index, reads] : confirmed_) Extract(reads, now, expired);
  for (auto& [id, batch] : executing_) {
    // These keep their places: the results come in the order of the batch.
    for (size_t i = batch.executed; i < batch.reads.size(); ++i) {
      PendingRead& read = batch.reads[i];
      if (read.answered()) continue;
      if (read.request.context.deadline <= now) {
        expired.push_back({{}, std::exchange(read.done, nullptr), std::move(read.share)});
      } else {
        NoteDeadline(read);
      }
    }
  }
  size_ -= expired.size();
  Fail(expired, DeadlineExceeded(Outcome::kNotApplied));
}

void PendingReads::FailAll(const Error& error) {
  std::vector<PendingRead> all;
  MoveAll(waiting_, all);
  for (auto& [id, round] : registered_) MoveAll(round.reads, all);
  for (auto& [index, reads] : confirmed_) MoveAll(reads, all);
  for (auto& [id, batch] : executing_) {
    batch.reads.erase(batch.reads.begin(), At(batch.reads, batch.executed));
    MoveAll(batch.reads, all);
  }
  registered_.clear();
  confirmed_.clear();
  executing_.clear();
  size_ = 0;
  Fail(all, error);
}

}  // namespace flotilla::node

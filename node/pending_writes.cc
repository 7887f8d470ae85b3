#include "node/pending_writes.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "node/errors.h"

namespace flotilla::node {

namespace {

void Fail(PendingWrite& write, const Error& error) {
  if (!write.answered()) write.Answer({.error = error, .result = {}});
}

}  // namespace

void PendingWrites::Add(PendingWrite write) {
  const MonoTime deadline = write.request.context.deadline;
  earliest_deadline_ = std::min(earliest_deadline_.value_or(deadline), deadline);
  waiting_bytes_ += View(write.request.command).size();
  waiting_.push_back(std::move(write));
}

std::vector<PendingWrite> PendingWrites::TakeBatch(size_t max_bytes) {
  std::vector<PendingWrite> batch;
  size_t bytes = 0;
  while (!waiting_.empty()) {
    const size_t size = View(waiting_.front().request.command).size();
    if (!batch.empty() && bytes + size > max_bytes) break;
    bytes += size;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return batch;
}

std::vector<PendingWrite> PendingWrites::TakeWaiting() {
  std::vector<PendingWrite> all(std::make_move_iterator(waiting_.begin()),
                                std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  waiting_bytes_ = 0;
  return all;
}

void PendingWrites::ReturnBatch(std::vector<PendingWrite> batch) {
  for (auto write = batch.rbegin(); write != batch.rend(); ++write) {
    waiting_bytes_ += View(write->request.command).size();
    waiting_.push_front(std::move(*write));
  }
}

void PendingWrites::Proposed(raft::Position position, std::vector<PendingWrite> batch) {
  if (!proposed_.empty()) FLOTILLA_CHECK_LT(proposed_.back().position.index, position.index);
  in_flight_ += batch.size();
  proposed_.push_back({position, std::move(batch)});
}

void PendingWrites::FailBatch(Batch& batch, const Error& error) {
  in_flight_ -= batch.writes.size();
  for (PendingWrite& write : batch.writes) Fail(write, error);
}

void PendingWrites::Applied(kv::EntryResult result) {
  while (!proposed_.empty() && proposed_.front().position.index <= result.index) {
    Batch batch = std::move(proposed_.front());
    proposed_.pop_front();
    const bool ours = batch.position.index == result.index && batch.position.term == result.term;
    if (!ours) {
      FailBatch(batch, LeadershipLost(Outcome::kNotApplied));
      continue;
    }
    FLOTILLA_CHECK_EQ(batch.writes.size(), result.results.size());
    in_flight_ -= batch.writes.size();
    for (size_t i = 0; i < batch.writes.size(); ++i) {
      PendingWrite& write = batch.writes[i];
      if (!write.answered()) write.Answer(ToReply(std::move(result.results[i])));
    }
  }
}

void PendingWrites::AppliedWithoutResults(LogIndex index) {
  while (!proposed_.empty() && proposed_.front().position.index <= index) {
    FailBatch(proposed_.front(), LeadershipLost(Outcome::kUnknown));
    proposed_.pop_front();
  }
}

void PendingWrites::Mark(StageObserver& observer, Stage stage, LogIndex index, MonoTime now) const {
  for (const Batch& batch : proposed_) {
    if (batch.position.index > index) return;
    for (const PendingWrite& write : batch.writes) {
      const RequestContext& context = write.request.context;
      if (context.sampled) observer.OnStage(View(context.traceparent), stage, now);
    }
  }
}

void PendingWrites::FailProposed(const Error& error) {
  for (Batch& batch : proposed_) FailBatch(batch, error);
  proposed_.clear();
}

void PendingWrites::FailWaiting(const Error& error) {
  std::vector<PendingWrite> all = TakeWaiting();
  for (PendingWrite& write : all) Fail(write, error);
}

void PendingWrites::Expire(MonoTime now) {
  if (!earliest_deadline_.has_value() || *earliest_deadline_ > now) return;
  earliest_deadline_.reset();
  const auto note = [&](const PendingWrite& write) {
    const MonoTime deadline = write.request.context.deadline;
    earliest_deadline_ = std::min(earliest_deadline_.value_or(deadline), deadline);
  };
  // Answered in a second step: an answer may bring the next request, which is added here.
  std::vector<PendingWrite> expired;
  std::deque<PendingWrite> kept;
  for (PendingWrite& write : waiting_) {
    if (write.request.context.deadline <= now) {
      waiting_bytes_ -= View(write.request.command).size();
      expired.push_back(std::move(write));
    } else {
      note(write);
      kept.push_back(std::move(write));
    }
  }
  waiting_ = std::move(kept);
  std::vector<PendingWrite> unknown;
  for (Batch& batch : proposed_) {
    for (PendingWrite& write : batch.writes) {
      if (write.answered()) continue;
      if (write.request.context.deadline <= now) {
        unknown.push_back({{}, std::exchange(write.done, nullptr), std::move(write.share)});
      } else {
        note(write);
      }
    }
  }
  for (PendingWrite& write : expired) Fail(write, DeadlineExceeded(Outcome::kNotApplied));
  for (PendingWrite& write : unknown) Fail(write, DeadlineExceeded(Outcome::kUnknown));
}

}  // namespace flotilla::node

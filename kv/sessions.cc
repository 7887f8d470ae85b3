#include "kv/sessions.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::kv {

namespace {

// Rows of expired sessions that one entry deletes, about: after an outage thousands may be due.
// Part of what an entry means: replicas of one shard must not differ in it.
constexpr size_t kExpiredRowsPerEntry = 1000;

template <typename Answers>
auto FindSequence(Answers& answers, uint64_t sequence) {
  return std::lower_bound(
      answers.begin(), answers.end(), sequence,
      [](const auto& answer, uint64_t wanted) { return answer.sequence < wanted; });
}

}  // namespace

void Sessions::BeginEntry(LogIndex entry, Duration time, PendingRows& rows) {
  FLOTILLA_CHECK_GT(entry, entry_);
  FLOTILLA_CHECK(time >= time_);
  entry_ = entry;
  time_ = time;
  size_t deleted = 0;
  while (!by_use_.empty() && Expired(by_use_.front()) && deleted < kExpiredRowsPerEntry) {
    deleted += Forget(by_use_.begin(), rows);
  }
}

void Sessions::EndEntry(PendingRows& rows) {
  for (auto at = by_use_.rbegin(); at != by_use_.rend() && at->used_entry_ == entry_; ++at) {
    Session& session = *at;
    std::string row = EncodeSessionRow({.position = session.used_position_,
                                        .time = session.used_time_,
                                        .acknowledged_below = session.acknowledged_below_,
                                        .answers = session.new_answers_});
    // Its memory goes as well: there may be thousands of sessions.
    session.new_answers_ = std::string();
    session.rows_.back().bytes = row.size();
    session.bytes_ += row.size();
    bytes_ += row.size();
    rows.Put(SessionRowKey(session.token_, entry_), std::move(row));
  }
  while (bytes_ > limits_.max_bytes && by_use_.size() > 1) Forget(by_use_.begin(), rows);
  read_row_key_.clear();
  read_row_.clear();
}

void Sessions::Open(const SessionToken& token, PendingRows& rows) {
  while (!by_use_.empty() && by_use_.size() >= limits_.max_sessions) {
    Forget(by_use_.begin(), rows);
  }
  by_use_.emplace_back();
  by_use_.back().token_ = token;
  const auto session = std::prev(by_use_.end());
  by_token_.emplace(token, session);
  MarkUsed(session, token.position, rows);
}

Session* Sessions::Use(const SessionToken& token, uint32_t position, uint64_t acknowledged_below,
                       PendingRows& rows) {
  const auto found = by_token_.find(token);
  if (found == by_token_.end() || Expired(*found->second)) return nullptr;
  const ByUse::iterator session = found->second;
  if (session->used_entry_ != entry_) MarkUsed(session, position, rows);
  Acknowledge(&*session, acknowledged_below, rows);
  return &*session;
}

void Sessions::Close(Session* session, PendingRows& rows) {
  Forget(by_token_.at(session->token_), rows);
}

bool Sessions::Expired(const Session& session) const {
  return time_ - session.used_time_ > limits_.idle_expiry;
}

void Sessions::MarkUsed(ByUse::iterator session, uint32_t position, PendingRows& rows) {
  session->used_entry_ = entry_;
  session->used_position_ = position;
  session->used_time_ = time_;
  by_use_.splice(by_use_.end(), by_use_, session);
  // A row without answers was only there to be the newest.
  auto& held = session->rows_;
  if (!held.empty() && held.back().unacknowledged == 0) {
    DropRow(&*session, std::prev(held.end()), rows);
  }
  held.push_back({.entry = entry_});
}

void Sessions::Acknowledge(Session* session, uint64_t below, PendingRows& rows) {
  // An older request may come late.
  if (below <= session->acknowledged_below_) return;
  session->acknowledged_below_ = below;
  auto& answers = session->answers_;
  while (!answers.empty() && answers.front().sequence < below) {
    ReleaseAnswer(session, answers.front().entry, rows);
    answers.pop_front();
  }
}

void Sessions::ReleaseAnswer(Session* session, LogIndex entry, PendingRows& rows) {
  const auto row = std::lower_bound(
      session->rows_.begin(), session->rows_.end(), entry,
      [](const Session::HeldRow& held, LogIndex wanted) { return held.entry < wanted; });
  FLOTILLA_CHECK(row != session->rows_.end() && row->entry == entry && row->unacknowledged > 0);
  --row->unacknowledged;
  if (row->unacknowledged == 0 && entry != session->used_entry_) DropRow(session, row, rows);
}

void Sessions::DropRow(Session* session, const std::deque<Session::HeldRow>::iterator& row,
                       PendingRows& rows) {
  rows.Delete(SessionRowKey(session->token_, row->entry));
  session->bytes_ -= row->bytes;
  bytes_ -= row->bytes;
  session->rows_.erase(row);
}

size_t Sessions::Forget(ByUse::iterator session, PendingRows& rows) {
  const size_t count = session->rows_.size();
  for (const Session::HeldRow& row : session->rows_) {
    rows.Delete(SessionRowKey(session->token_, row.entry));
  }
  bytes_ -= session->bytes_;
  by_token_.erase(session->token_);
  by_use_.erase(session);
  return count;
}

absl::StatusOr<std::optional<CommandResult>> Sessions::FindAnswer(const Session& session,
                                                                  uint64_t sequence,
                                                                  const PendingRows& rows,
                                                                  EntryBudget& budget) {
  const auto held = FindSequence(session.answers_, sequence);
  if (held == session.answers_.end() || held->sequence != sequence) return std::nullopt;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string_view answers,
                            AnswersOf(session, held->entry, rows, budget));
  FLOTILLA_ASSIGN_OR_RETURN(CommandResult answer,
                            DecodeAnswer(answers, {.sequence = sequence, .offset = held->offset}));
  budget.SpendOnReplay(answer);
  return answer;
}

absl::StatusOr<std::string_view> Sessions::AnswersOf(const Session& session, LogIndex entry,
                                                     const PendingRows& rows, EntryBudget& budget) {
  if (entry == entry_) return session.new_answers_;
  std::string key = SessionRowKey(session.token_, entry);
  if (key != read_row_key_) {
    FLOTILLA_ASSIGN_OR_RETURN(std::optional<std::string> row, rows.Get(key));
    if (!row.has_value()) return absl::DataLossError("a session row is missing");
    budget.Spend(row->size());
    read_row_ = *std::move(row);
    read_row_key_ = std::move(key);
  }
  FLOTILLA_ASSIGN_OR_RETURN(const SessionRow row, DecodeSessionRow(read_row_));
  return row.answers;
}

bool Sessions::HasRoom(const Session& session) const {
  return session.answers_.size() < limits_.max_results_per_session &&
         session.bytes_ + session.new_answers_.size() < limits_.max_bytes_per_session;
}

void Sessions::Record(Session* session, uint64_t sequence, const CommandResult& result) {
  auto& answers = session->answers_;
  const auto at = FindSequence(answers, sequence);
  FLOTILLA_CHECK(at == answers.end() || at->sequence != sequence);
  const size_t offset = session->new_answers_.size();
  AppendAnswer(session->new_answers_, sequence, result);
  answers.insert(at, {.sequence = sequence, .entry = entry_, .offset = offset});
  ++session->rows_.back().unacknowledged;
}

absl::Status Sessions::Load(const storage::StateReader& state) {
  const std::unique_ptr<storage::RowIterator> rows = state.NewIterator();
  const std::string end = SessionRowsEnd();
  for (rows->Seek(SessionRowsBegin()); rows->Valid() && rows->key() < end; rows->Next()) {
    FLOTILLA_RETURN_IF_ERROR(LoadRow(rows->key(), rows->value()));
  }
  FLOTILLA_RETURN_IF_ERROR(rows->status());
  FinishLoad();
  return absl::OkStatus();
}

void Sessions::CopyFrom(const Sessions& other) {
  by_use_ = other.by_use_;
  by_token_.clear();
  for (auto at = by_use_.begin(); at != by_use_.end(); ++at) by_token_.emplace(at->token_, at);
  bytes_ = other.bytes_;
}

// Rows come by session, and for each by entry, so that the newest row of a session is its last.
absl::Status Sessions::LoadRow(std::string_view key, std::string_view value) {
  FLOTILLA_ASSIGN_OR_RETURN(const SessionRowId id, DecodeSessionRowKey(key));
  FLOTILLA_ASSIGN_OR_RETURN(const SessionRow row, DecodeSessionRow(value));
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<Answer> answers, ListAnswers(row.answers));
  if (by_use_.empty() || by_use_.back().token_ != id.token) {
    by_use_.emplace_back();
    by_use_.back().token_ = id.token;
    by_token_.emplace(id.token, std::prev(by_use_.end()));
  }
  Session& session = by_use_.back();
  session.acknowledged_below_ = row.acknowledged_below;
  session.used_entry_ = id.entry;
  session.used_position_ = row.position;
  session.used_time_ = row.time;
  session.rows_.push_back({.entry = id.entry, .bytes = value.size()});
  session.bytes_ += value.size();
  bytes_ += value.size();
  for (const Answer& answer : answers) {
    session.answers_.push_back(
        {.sequence = answer.sequence, .entry = id.entry, .offset = answer.offset});
  }
  return absl::OkStatus();
}

void Sessions::FinishLoad() {
  by_use_.sort([](const Session& a, const Session& b) {
    return std::tie(a.used_entry_, a.used_position_) < std::tie(b.used_entry_, b.used_position_);
  });
  for (Session& session : by_use_) {
    auto& answers = session.answers_;
    std::sort(answers.begin(), answers.end(),
              [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    answers.erase(answers.begin(), FindSequence(answers, session.acknowledged_below_));
    for (const Session::HeldAnswer& answer : answers) {
      const auto row = std::lower_bound(
          session.rows_.begin(), session.rows_.end(), answer.entry,
          [](const Session::HeldRow& held, LogIndex wanted) { return held.entry < wanted; });
      ++row->unacknowledged;
    }
  }
}

}  // namespace flotilla::kv

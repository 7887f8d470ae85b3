#include "raft/persistence.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

namespace {

bool SameVote(const HardState& a, const HardState& b) {
  return a.term == b.term && a.vote == b.vote;
}

// The acknowledgement in `message` if it says "accepted", else null.
AppendResponse* AcceptedIn(Message& message) {
  auto* response = std::get_if<AppendResponse>(&message.body);
  return response != nullptr && !response->rejected.has_value() ? response : nullptr;
}

}  // namespace

Persistence::Persistence(const HardState& hard_state, LogIndex last)
    : issued_state_(hard_state),
      durable_state_(hard_state),
      durable_(last),
      unissued_(last.next()) {}

void Persistence::OnAppended(LogIndex index) {
  const LogIndex kept = index.prev();
  durable_ = std::min(durable_, kept);
  unissued_ = std::min(unissued_, index);
  for (Outstanding& outstanding : outstanding_) {
    outstanding.last = std::min(outstanding.last, kept);
  }
}

void Persistence::OnSnapshotInstalled(LogIndex index, LogIndex last) {
  if (last == index) {
    // Nothing is left of the old log: outstanding tickets stand for none of the new one.
    for (Outstanding& outstanding : outstanding_) outstanding.last = index;
    durable_ = index;
    unissued_ = index.next();
    return;
  }
  durable_ = std::max(durable_, index);
  unissued_ = std::max(unissued_, index.next());
}

void Persistence::SendAfter(Message message) {
  if (!messages_after_.empty()) {
    Message& previous = messages_after_.back();
    AppendResponse* older = AcceptedIn(previous);
    const AppendResponse* newer = AcceptedIn(message);
    if (older != nullptr && newer != nullptr && previous.to == message.to &&
        previous.term == message.term) {
      older->index = std::max(older->index, newer->index);
      older->read_counter = std::max(older->read_counter, newer->read_counter);
      return;
    }
  }
  messages_after_.push_back(std::move(message));
}

bool Persistence::IsDurable(Term term, ReplicaId vote, LogIndex index) const {
  return durable_state_.term == term && durable_state_.vote == vote && index <= durable_;
}

bool Persistence::HasRequest(const HardState& now, const RaftLog& log) const {
  return unissued_ <= log.last_index() || !SameVote(now, issued_state_) || !messages_after_.empty();
}

std::optional<PersistRequest> Persistence::TakeRequest(const HardState& now, const RaftLog& log) {
  if (!HasRequest(now, log)) return std::nullopt;
  PersistRequest request;
  request.ticket = ++last_ticket_;
  request.messages_after = std::exchange(messages_after_, {});
  if (unissued_ <= log.last_index()) {
    request.entries = log.Slice(unissued_, log.last_index(), SIZE_MAX);
    unissued_ = log.last_index().next();
  }
  const bool vote_changed = !SameVote(now, issued_state_);
  request.must_sync = vote_changed || !request.entries.empty();
  if (vote_changed || (request.must_sync && now.commit != issued_state_.commit)) {
    request.hard_state = now;
    issued_state_ = now;
  }
  outstanding_.push_back({request.ticket, log.last_index(), issued_state_});
  return request;
}

void Persistence::OnDone(Ticket ticket) {
  FLOTILLA_CHECK_LE(ticket, last_ticket_);
  while (!outstanding_.empty() && outstanding_.front().ticket <= ticket) {
    const Outstanding& done = outstanding_.front();
    durable_ = std::max(durable_, done.last);
    durable_state_ = done.state;
    outstanding_.pop_front();
    hanging_ticks_ = 0;
  }
}

void Persistence::Tick() {
  const Ticket oldest = outstanding_.empty() ? 0 : outstanding_.front().ticket;
  hanging_ticks_ = oldest != 0 && oldest == oldest_at_tick_ ? hanging_ticks_ + 1 : 0;
  oldest_at_tick_ = oldest;
}

}  // namespace flotilla::raft

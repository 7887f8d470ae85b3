#include "client/session_keeper.h"

#include <utility>

#include "base/check.h"

namespace flotilla::client {

SessionKeeper::Admission SessionKeeper::Admit(PendingCall& call, ShardId shard, MonoTime now) {
  if (call.session != nullptr) return Admission::kAdmitted;
  ShardState& state = shards_[shard];
  if (state.current != nullptr && state.current->idle() &&
      now - state.current->used_at() > limits_.idle_limit) {
    state.current.reset();
  }
  if (state.current == nullptr || !state.current->HasRoom()) {
    call.stage = PendingCall::Stage::kWaiting;
    state.waiting.PushBack(call);
    if (state.current != nullptr || state.opening) return Admission::kWaits;
    state.opening = true;
    return Admission::kNeedsSession;
  }
  call.session = state.current;
  call.sequence = next_sequence_++;
  call.session_position = state.current->Admit(call.sequence, now);
  return Admission::kAdmitted;
}

void SessionKeeper::Opened(ShardId shard, std::string token, MonoTime now) {
  ShardState& state = shards_[shard];
  FLOTILLA_CHECK(state.opening);
  state.opening = false;
  state.current = std::make_shared<WriteSession>(std::move(token), limits_.window, now);
}

void SessionKeeper::OpeningFailed(ShardId shard) { shards_[shard].opening = false; }

void SessionKeeper::Expired(const WriteSession& session) {
  for (auto& [shard, state] : shards_) {
    if (state.current.get() == &session) state.current.reset();
  }
}

void SessionKeeper::End(PendingCall& call) {
  if (call.session == nullptr) return;
  call.session->End(call.session_position);
  call.session.reset();
}

PendingCall* SessionKeeper::NextReady() {
  for (auto& [shard, state] : shards_) {
    const bool ready = state.current != nullptr ? state.current->HasRoom() : !state.opening;
    if (ready && !state.waiting.empty()) return state.waiting.PopFront();
  }
  return nullptr;
}

PendingCall* SessionKeeper::NextWaiting(ShardId shard) {
  auto found = shards_.find(shard);
  return found == shards_.end() ? nullptr : found->second.waiting.PopFront();
}

}  // namespace flotilla::client

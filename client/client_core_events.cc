// What moves the core: time, links that come and go, and the shard map.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/client_core.h"

namespace flotilla::client {

namespace {

// How much longer a try may take on a node that does answer others: it is slow, not gone.
constexpr int kPatience = 4;

}  // namespace

void ClientCore::BeginEvents() { ++open_batches_; }

void ClientCore::EndEvents() {
  if (open_batches_ > 1) {
    --open_batches_;
    return;
  }
  // Callbacks may execute new calls; those take part in the same flush.
  do {
    std::vector<std::pair<decltype(Call::done), StatusOr<Result>>> finished;
    finished.swap(finished_);
    if (release_cost_ != nullptr) release_cost_(std::exchange(ended_cost_, 0));
    for (auto& [done, result] : finished) done(std::move(result));
    while (PendingCall* call = sessions_.NextReady()) Dispatch(*call);
  } while (!finished_.empty());
  nodes_.FlushAll(routes_);
  SetTimer();
  --open_batches_;
}

void ClientCore::Schedule(Timed& entry, MonoTime due) {
  wheel_.Schedule(entry, due);
  if (due < timer_at_) timer_moved_ = true;
}

void ClientCore::SetTimer() {
  if (!timer_moved_) return;
  timer_moved_ = false;
  executor_.Cancel(timer_);
  timer_ = 0;
  timer_at_ = wheel_.NextLook().value_or(MonoTime::max());
  if (timer_at_ != MonoTime::max()) {
    timer_ = executor_.PostAt(timer_at_, [this] { OnTimer(); });
  }
}

void ClientCore::OnTimer() {
  BeginEvents();
  timer_ = 0;
  timer_at_ = MonoTime::max();
  timer_moved_ = true;
  const MonoTime now = clock_.Now();
  while (Timed* due = wheel_.PopDue(now)) {
    if (due != &map_poll_) {
      OnDue(static_cast<PendingCall&>(*due), now);
    } else if (NeedsMap()) {
      AskForMap();
    }
  }
  EndEvents();
}

void ClientCore::OnDue(PendingCall& call, MonoTime now) {
  if (now >= call.call.deadline) {
    FinishLate(call);
    return;
  }
  switch (call.stage) {
    case PendingCall::Stage::kBackingOff:
      Dispatch(call);
      return;
    case PendingCall::Stage::kQueued:
    case PendingCall::Stage::kSent:
      OnSilence(call, now);
      return;
    case PendingCall::Stage::kWaiting:
      Schedule(call, call.call.deadline);
      return;
  }
}

void ClientCore::OnSilence(PendingCall& call, MonoTime now) {
  NodeLink& link = *call.link;
  const bool sent = call.stage == PendingCall::Stage::kSent;
  MonoTime look_again = link.SilentAt(options_.silence_limit);
  if (now >= look_again) {
    // Keep-alive pings may still be answered; what counts is that operations are not (etcd#8660).
    Schedule(call, call.call.deadline);
    GiveUp(link);
    return;
  }
  if (sent) {
    const Duration patience = kPatience * options_.silence_limit + link.TransferTime();
    look_again = std::min(look_again, call.sent_at + patience);
  }
  if (now < look_again) {
    Schedule(call, std::min(call.call.deadline, look_again));
    return;
  }
  link.Remove(call);
  call.ambiguous = call.is_write;
  call.last_error =
      Status(StatusCode::kDeadlineExceeded,
             link.endpoint() + " did not answer this call, though others", "DEADLINE_EXCEEDED");
  TurnFrom(link);
  BackOff(call, Duration(0));
}

void ClientCore::GiveUp(NodeLink& link) {
  link.GiveUp(
      Status(StatusCode::kUnavailable, link.endpoint() + " does not answer", reason::kUnreachable));
}

void ClientCore::OnLinkOpen(NodeLink&) {
  last_link_error_ = Status();
  if (NeedsMap()) {
    map_poll_.Unlink();
    AskForMap();
  }
  ReleaseAwaitingLeader();
}

void ClientCore::OnLinkDown(NodeLink& link, const Status& why, CallQueue& sent, CallQueue& unsent) {
  last_link_error_ = why;
  TurnFrom(link);
  if (map_asked_ == &link) OnMapFailure();
  while (PendingCall* call = sent.PopFront()) {
    call->link = nullptr;
    call->last_error = why;
    call->ambiguous = call->ambiguous || call->is_write;
    Dispatch(*call);
  }
  while (PendingCall* call = unsent.PopFront()) {
    call->link = nullptr;
    call->last_error = why;
    Dispatch(*call);
  }
}

bool ClientCore::NeedsMap() const {
  if (!await_map_.empty()) return true;
  if (calls_.empty()) return false;
  const std::vector<ShardRoute>& shards = routes_.shards();
  return std::any_of(shards.begin(), shards.end(), [this](const ShardRoute& route) {
    return !nodes_.IsUsable(route.leader_endpoint);
  });
}

void ClientCore::AskForMap() {
  if (map_asked_ != nullptr || map_poll_.linked()) return;
  NodeLink* link = nodes_.Choose(std::exchange(map_source_, {}));
  if (link == nullptr) {
    OnMapFailure();
    return;
  }
  map_asked_ = link;
  link->RequestShardMap();
}

// What is mostly waited for, a leader's election or a split, is a matter of some round trips and
// syncs: so the first polls follow each other closely.
void ClientCore::OnMapFailure() {
  constexpr uint32_t kQuickPolls = 10;
  map_asked_ = nullptr;
  ++map_failures_;
  const uint32_t grown = std::max(map_failures_, kQuickPolls) - kQuickPolls;
  Schedule(map_poll_, clock_.Now() + BackoffDelay(options_.map_poll, grown, random_));
}

void ClientCore::OnLinkShardMap(NodeLink& link, StatusOr<ShardMap> map) {
  if (map_asked_ != &link) return;
  if (map.ok() && map->shards.empty()) {
    map = Status(StatusCode::kUnavailable, link.endpoint() + " has not joined a cluster yet",
                 "NOT_READY");
  }
  if (!map.ok()) {
    last_link_error_ = map.status();
    nodes_.Disfavour(link);
    OnMapFailure();
    return;
  }
  routes_.Update(*map);
  for (const std::string& endpoint : map->endpoints) nodes_.Add(endpoint);
  for (const ShardRoute& route : routes_.shards()) {
    if (!route.leader_endpoint.empty()) nodes_.Add(route.leader_endpoint);
  }
  CallQueue waiting;
  waiting.TakeAll(await_map_);
  while (PendingCall* call = waiting.PopFront()) Dispatch(*call);
  map_asked_ = nullptr;
  // Nodes know the shards that they have replicas of.
  if (!await_map_.empty()) nodes_.Disfavour(link);
  if (NeedsMap()) {
    OnMapFailure();
    return;
  }
  map_failures_ = 0;
  ReleaseAwaitingLeader();
}

}  // namespace flotilla::client

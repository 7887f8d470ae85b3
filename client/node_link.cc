#include "client/node_link.h"

#include <algorithm>

#include "base/check.h"

namespace flotilla::client {

namespace {

// The slowest line that large calls work on: 1 MB/s.
constexpr Duration kTimePerByte = std::chrono::microseconds(1);
// Thousands of calls may be unanswered; most of them do not wait for the line.
constexpr Duration kTransferTimeMax = std::chrono::seconds(4);

constexpr int kPatienceMax = 4;
constexpr Duration kPatienceLasts = std::chrono::minutes(1);

}  // namespace

NodeLink::NodeLink(std::string endpoint, const LinkLimits& limits, const Clock& clock,
                   Random random, KvChannel& channel, Owner& owner)
    : endpoint_(std::move(endpoint)),
      limits_(limits),
      clock_(clock),
      random_(random),
      channel_(channel),
      owner_(owner),
      breaker_(limits.backoff) {}

void NodeLink::Enqueue(PendingCall& call) {
  call.stage = PendingCall::Stage::kQueued;
  call.link = this;
  call.last_endpoint = endpoint_;
  outbox_.PushBack(call);
}

void NodeLink::Remove(PendingCall& call) {
  FLOTILLA_CHECK(call.link == this);
  if (call.stage == PendingCall::Stage::kSent) {
    by_try_.erase(call.try_id);
    unanswered_bytes_ -= call.sent_bytes;
  }
  call.Linked<QueueTag>::Unlink();
  call.stage = PendingCall::Stage::kWaiting;
  call.link = nullptr;
}

Duration NodeLink::TransferTime() const {
  constexpr size_t kBytesMax = kTransferTimeMax / kTimePerByte;
  return std::min(unanswered_bytes_, kBytesMax) * kTimePerByte;
}

void NodeLink::RequestShardMap() { map_wanted_ = true; }

void NodeLink::Flush(const RouteTable& routes) {
  if (outbox_.empty() && !map_wanted_) return;
  if (connection_ == nullptr) Connect();
  if (!open_) return;
  if (map_wanted_ && !map_requested_) {
    map_wanted_ = false;
    map_requested_ = true;
    connection_->RequestShardMap(limits_.try_timeout);
  }
  if (!sending_ && !outbox_.empty() && by_try_.size() < limits_.max_unanswered) SendBatch(routes);
}

void NodeLink::Connect() {
  open_ = sending_ = false;
  connection_ = channel_.Connect(endpoint_, *this);
}

void NodeLink::ProbeIfDue() {
  if (connection_ != nullptr || !breaker_.AllowsProbe(clock_.Now())) return;
  breaker_.Probe();
  Connect();
}

void NodeLink::SendBatch(const RouteTable& routes) {
  const MonoTime now = clock_.Now();
  if (by_try_.empty()) busy_since_ = now;
  if (asked_at_ <= heard_at_) asked_at_ = now;
  std::vector<OutgoingOperation> batch;
  size_t bytes = 0;
  while (PendingCall* call = outbox_.front()) {
    const size_t payload = PayloadBytes(call->call.operation);
    const bool full =
        batch.size() >= limits_.max_batch_operations || bytes + payload > limits_.max_batch_bytes;
    if (full && !batch.empty()) break;
    bytes += payload;
    batch.push_back(Outgoing(*call, payload, routes, now));
    sent_.PushBack(*call);
  }
  sending_ = true;
  connection_->Send(batch);
}

OutgoingOperation NodeLink::Outgoing(PendingCall& call, size_t payload, const RouteTable& routes,
                                     MonoTime now) {
  call.stage = PendingCall::Stage::kSent;
  call.try_id = next_try_++;
  call.sent_at = now;
  call.sent_bytes = payload;
  unanswered_bytes_ += payload;
  ++call.tries;
  by_try_.emplace(call.try_id, &call);

  OutgoingOperation out;
  out.id = call.try_id;
  out.operation = &call.call.operation;
  out.level = call.call.level;
  out.shard = call.shard;
  const ShardRoute* route = routes.Find(call.shard);
  // A page of a scan says itself what it is of.
  if (route != nullptr && !std::holds_alternative<Scan>(call.call.operation)) {
    out.shard_version = route->descriptor.version;
  }
  if (call.session != nullptr) {
    out.session_token = call.session->token();
    out.sequence = call.sequence;
    out.acknowledged_below = call.session->acknowledged_below();
  }
  out.timeout = std::min(call.call.deadline - now, limits_.try_timeout);
  out.traceparent = call.call.traceparent;
  return out;
}

void NodeLink::Break(const Status& why) {
  connection_.reset();
  open_ = sending_ = false;
  map_wanted_ = map_requested_ = false;
  breaker_.Fail(clock_.Now(), random_);
  by_try_.clear();
  unanswered_bytes_ = 0;
  CallQueue sent;
  CallQueue unsent;
  sent.TakeAll(sent_);
  unsent.TakeAll(outbox_);
  owner_.OnLinkDown(*this, why, sent, unsent);
}

void NodeLink::GiveUp(const Status& why) {
  if (open_) {
    patience_ = std::min(2 * patience_, kPatienceMax);
    gave_up_at_ = clock_.Now();
  }
  Break(why);
}

void NodeLink::OnOpen() {
  owner_.BeginEvents();
  open_ = true;
  heard_at_ = clock_.Now();
  breaker_.Connected();
  owner_.OnLinkOpen(*this);
  owner_.EndEvents();
}

void NodeLink::OnSent() {
  owner_.BeginEvents();
  sending_ = false;
  owner_.EndEvents();
}

void NodeLink::OnReplies(std::vector<Reply> replies) {
  owner_.BeginEvents();
  heard_at_ = clock_.Now();
  if (patience_ > 1 && heard_at_ - gave_up_at_ > kPatienceLasts) patience_ = 1;
  breaker_.Answered();
  for (Reply& reply : replies) {
    auto found = by_try_.find(reply.id);
    if (found == by_try_.end()) {
      // An answer to a try that was given up. The next try of that write brings the same answer.
      const auto* error = std::get_if<ServerError>(&reply.outcome);
      if (error != nullptr) owner_.OnLinkLateRefusal(*this, *error);
      continue;
    }
    PendingCall& call = *found->second;
    Remove(call);
    owner_.OnLinkReply(*this, call, std::move(reply));
  }
  owner_.EndEvents();
}

void NodeLink::OnShardMap(StatusOr<ShardMap> map) {
  owner_.BeginEvents();
  map_requested_ = false;
  if (map.ok()) {
    heard_at_ = clock_.Now();
    breaker_.Answered();
  }
  owner_.OnLinkShardMap(*this, std::move(map));
  owner_.EndEvents();
}

void NodeLink::OnClosed(const Status& why) {
  owner_.BeginEvents();
  Break(why);
  owner_.EndEvents();
}

}  // namespace flotilla::client

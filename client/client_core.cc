#include "client/client_core.h"

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "client/call_status.h"

namespace flotilla::client {

namespace {

constexpr Duration kWheelGranularity = std::chrono::milliseconds(4);
// Redirects that are followed at once; more mean that the nodes do not agree yet.
constexpr uint32_t kRedirectsMax = 2;

}  // namespace

class ClientCore::Batch {
 public:
  explicit Batch(ClientCore& core) : core_(core) { core_.BeginEvents(); }
  ~Batch() { core_.EndEvents(); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

 private:
  ClientCore& core_;
};

ClientCore::ClientCore(CoreOptions options, const Clock& clock, Executor& executor, Random random,
                       KvChannel& channel)
    : options_(std::move(options)),
      clock_(clock),
      executor_(executor),
      random_(random),
      wheel_(clock.Now(), kWheelGranularity),
      nodes_(options_.link, clock, random_.Split(), channel, *this),
      sessions_(options_.sessions) {
  FLOTILLA_CHECK(!options_.endpoints.empty());
  for (const std::string& endpoint : options_.endpoints) nodes_.Add(endpoint);
}

ClientCore::~ClientCore() { executor_.Cancel(timer_); }

void ClientCore::Execute(std::vector<Call> calls) {
  Batch batch(*this);
  for (Call& call : calls) Start(std::move(call));
}

void ClientCore::Execute(Call call) {
  Batch batch(*this);
  Start(std::move(call));
}

void ClientCore::Close() {
  Batch batch(*this);
  closed_ = true;
  while (!calls_.empty()) Finish(calls_.front(), ClosedStatus(calls_.front()));
}

void ClientCore::Start(Call call) {
  if (!call.slot.has_value() && IsSpread(call.operation)) {
    spread_.Begin(std::move(call));
    return;
  }
  PendingCall& pending = calls_.emplace_back();
  pending.self = std::prev(calls_.end());
  pending.call = std::move(call);
  pending.is_write = IsWrite(pending.call.operation);
  pending.slot = pending.call.slot;
  if (const std::string* key = RoutingKey(pending.call.operation)) {
    pending.slot = sharding::SlotOf(*key);
  }
  if (closed_) {
    Finish(pending, ClosedStatus(pending));
    return;
  }
  Dispatch(pending);
}

void ClientCore::Dispatch(PendingCall& call) {
  const MonoTime now = clock_.Now();
  if (now >= call.call.deadline) {
    FinishLate(call);
    return;
  }
  Schedule(call, call.call.deadline);
  const ShardRoute* route = RouteOf(call);
  if (route == nullptr) {
    AwaitMap(call);
    return;
  }
  call.shard = route->descriptor.shard;
  if (call.is_write && !HasIdentity(call, *route)) return;

  NodeLink* link = nodes_.Choose(route->leader_endpoint);
  if (link == nullptr) {
    AwaitNode(call);
    return;
  }
  link->Enqueue(call);
  Schedule(call, std::min(call.call.deadline, now + options_.silence_limit));
  // Any node forwards, but the leader itself is one hop less. It may be news to the map as well.
  if (!nodes_.IsUsable(route->leader_endpoint)) AskForMap();
}

const ShardRoute* ClientCore::RouteOf(const PendingCall& call) const {
  if (call.slot.has_value()) return routes_.Find(*call.slot);
  if (const auto* open = std::get_if<OpenSession>(&call.call.operation)) {
    return routes_.Find(open->shard);
  }
  // Nothing but a BatchGet without keys.
  return routes_.empty() ? nullptr : &routes_.shards().front();
}

bool ClientCore::HasIdentity(PendingCall& call, const ShardRoute& route) {
  const ShardId shard = route.descriptor.shard;
  switch (sessions_.Admit(call, shard, clock_.Now())) {
    case SessionKeeper::Admission::kAdmitted:
      return true;
    case SessionKeeper::Admission::kNeedsSession:
      OpenSessionOf(shard);
      return false;
    case SessionKeeper::Admission::kWaits:
      return false;
  }
  return false;
}

void ClientCore::OpenSessionOf(ShardId shard) {
  Call open;
  open.operation = OpenSession{shard};
  open.deadline = clock_.Now() + options_.session_timeout;
  open.done = [this, shard, deadline = open.deadline](StatusOr<Result> result) {
    OnSessionOpening(shard, deadline, std::move(result));
  };
  Start(std::move(open));
}

void ClientCore::OnSessionOpening(ShardId shard, MonoTime deadline, StatusOr<Result> result) {
  if (result.ok()) {
    auto& opened = std::get<OpenSessionResult>(*result);
    sessions_.Opened(shard, std::move(opened.token), clock_.Now());
    return;
  }
  sessions_.OpeningFailed(shard);
  // Nobody could open it in time, so whoever still waits has another one opened. What fails before
  // that was refused for good: to ask again would be to ask without a pause.
  if (clock_.Now() >= deadline) return;
  while (PendingCall* call = sessions_.NextWaiting(shard)) Finish(*call, result.status());
}

void ClientCore::OnLinkReply(NodeLink& link, PendingCall& call, Reply reply) {
  if (auto* error = std::get_if<ServerError>(&reply.outcome)) {
    Refused(link, call, *error);
    return;
  }
  Finish(call, std::move(std::get<Result>(reply.outcome)));
}

// What a node refuses at the call's own deadline arrives after it. Unheard, a client with short
// timeouts would stay for ever with a node that is cut off from its majority.
void ClientCore::OnLinkLateRefusal(NodeLink& link, const ServerError& error) {
  if (RemedyFor(error) != Remedy::kTryElsewhere) return;
  TurnFrom(link);
}

// Whatever the map says, somebody else is asked first.
void ClientCore::TurnFrom(const NodeLink& link) {
  routes_.ForgetLeader(link.endpoint());
  nodes_.Disfavour(link);
}

void ClientCore::Refused(NodeLink& link, PendingCall& call, const ServerError& error) {
  if (error.route.has_value() && routes_.Learn(*error.route)) {
    nodes_.Add(error.route->leader_endpoint);
    ReleaseAwaitingLeader();
  }
  if (IsAnswer(error.reason) || RemedyFor(error) == Remedy::kNewSession) {
    // Whatever earlier tries met with, they did nothing.
    call.ambiguous = false;
  } else if (call.is_write && error.outcome != Outcome::kNotApplied) {
    call.ambiguous = true;
  }
  if (error.reason == Reason::kSessionUnknown && call.session != nullptr) {
    sessions_.Expired(*call.session);
  }
  if (error.outcome == Outcome::kApplied || RemedyFor(error) == Remedy::kGiveUp) {
    FinishRefused(call, error);
    return;
  }
  if (call.call.ends_at_wrong_shard && RemedyFor(error) == Remedy::kRefreshRoutes) {
    AskForMap();
    FinishRefused(call, error);
    return;
  }
  call.last_error = StatusOf(error, Outcome::kNotApplied);
  Retry(link, call, error);
}

void ClientCore::Retry(NodeLink& link, PendingCall& call, const ServerError& error) {
  switch (RemedyFor(error)) {
    case Remedy::kFollowRoute: {
      const bool known = error.route.has_value() && !error.route->leader_endpoint.empty() &&
                         error.route->leader_endpoint != link.endpoint();
      if (known && call.redirects < kRedirectsMax) {
        ++call.redirects;
        Dispatch(call);
        return;
      }
      break;
    }
    case Remedy::kRefreshRoutes:
      // Whoever says so knows more of the shard than the map does, unlike the next best node, which
      // may be cut off and go on telling the same for ever.
      map_source_ = link.endpoint();
      AskForMap();
      break;
    case Remedy::kNewSession:
      // The one that it had has never done anything for it, nor ever will.
      sessions_.End(call);
      Dispatch(call);
      return;
    case Remedy::kTryElsewhere:
      break;
    case Remedy::kTryLater:
    case Remedy::kGiveUp:
      BackOff(call, error.retry_after);
      return;
  }
  // This node does not lead, whatever the map says, and had no better advice.
  const ShardRoute* route = RouteOf(call);
  if (route != nullptr && route->leader_endpoint == link.endpoint()) {
    routes_.ForgetLeader(link.endpoint());
  }
  nodes_.Disfavour(link);
  BackOff(call, error.retry_after);
  // Where the map is wrong, the leader's name, which every such refusal brings, is no news.
  call.awaits_leader = RemedyFor(error) != Remedy::kRefreshRoutes;
}

void ClientCore::BackOff(PendingCall& call, Duration at_least) {
  const MonoTime now = clock_.Now();
  ++call.failures;
  call.redirects = 0;
  call.stage = PendingCall::Stage::kBackingOff;
  call.awaits_leader = false;
  const Duration delay = std::max(at_least, BackoffDelay(options_.backoff, call.failures, random_));
  Schedule(call, std::min(call.call.deadline, now + delay));
}

void ClientCore::AwaitNode(PendingCall& call) {
  const MonoTime fallback = clock_.Now() + options_.link.backoff.max;
  call.stage = PendingCall::Stage::kBackingOff;
  call.awaits_leader = true;
  Schedule(call, std::min(call.call.deadline, nodes_.next_probe_at().value_or(fallback)));
}

void ClientCore::AwaitMap(PendingCall& call) {
  call.stage = PendingCall::Stage::kWaiting;
  await_map_.PushBack(call);
  AskForMap();
}

void ClientCore::ReleaseAwaitingLeader() {
  for (auto next = calls_.begin(); next != calls_.end();) {
    PendingCall& call = *next++;
    if (call.stage == PendingCall::Stage::kBackingOff && call.awaits_leader) Dispatch(call);
  }
}

void ClientCore::Finish(PendingCall& call, StatusOr<Result> result) {
  if (call.link != nullptr) call.link->Remove(call);
  sessions_.End(call);
  ended_cost_ += call.call.cost;
  finished_.emplace_back(std::move(call.call.done), std::move(result));
  calls_.erase(call.self);
}

void ClientCore::EndSpread(Call call, StatusOr<Result> result) {
  ended_cost_ += call.cost;
  finished_.emplace_back(std::move(call.done), std::move(result));
}

void ClientCore::FinishRefused(PendingCall& call, const ServerError& error) {
  Outcome outcome = Outcome::kNotApplied;
  if (call.is_write && error.outcome == Outcome::kApplied) {
    outcome = Outcome::kApplied;
  } else if (call.ambiguous) {
    outcome = Outcome::kUnknown;
  }
  Finish(call, StatusOf(error, outcome));
}

void ClientCore::FinishLate(PendingCall& call) {
  if (call.last_error.ok()) call.last_error = last_link_error_;
  NodeLink* const link = call.link;
  Finish(call, LateStatus(call, nodes_.Describe()));
  // Calls that wait for less than the silence limit would else never find out.
  if (link != nullptr && link->IsSilent(options_.silence_limit, clock_.Now())) GiveUp(*link);
}

}  // namespace flotilla::client

// The part of the client that decides: where each call goes, when it is tried again, and what is
// true about a write that failed. Single-threaded and event-driven, so that the simulator runs the
// very code that the library runs on its thread.
//
//   Execute -> route (shard map) -> session (writes) -> link (batches) -> reply
//      |  ^         |  unknown          | none open         | refused, lost, silent
//      |            v                   v                   v
//      |  +--- wait for map      wait for session      back off, other node
//      +-> several shards (spread_calls.h): as many calls, and their answers together
//
// What it promises:
//   - A call ends at the latest a few milliseconds after its deadline.
//   - A write is repeated only under the session and sequence of its first try, so it takes effect
//     at most once; if the session is gone, it is not repeated.
//   - NOT_APPLIED is said only when every try of the write is known to have done nothing.
#ifndef FLOTILLA_CLIENT_CLIENT_CORE_H_
#define FLOTILLA_CLIENT_CLIENT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "client/deadline_wheel.h"
#include "client/kv_channel.h"
#include "client/node_link.h"
#include "client/node_set.h"
#include "client/operation.h"
#include "client/pending_call.h"
#include "client/route_table.h"
#include "client/session_keeper.h"
#include "client/spread_calls.h"
#include "flotilla/status.h"

namespace flotilla::client {

struct CoreOptions {
  std::vector<std::string> endpoints;  // at least one
  // A node that says nothing at all for this long after a try was sent is given up.
  Duration silence_limit = std::chrono::milliseconds(500);
  // Before a call is tried again.
  BackoffLimits backoff;
  // Between questions for the shard map while a shard has no known leader.
  BackoffLimits map_poll{std::chrono::milliseconds(10), std::chrono::milliseconds(250)};
  // Of opening a session, all tries together.
  Duration session_timeout = std::chrono::seconds(5);
  LinkLimits link;
  SessionLimits sessions;
};

class ClientCore final : private NodeLink::Owner, private SpreadCalls::Host {
 public:
  // All references outlive the core. Lives, like all its calls and callbacks, on `executor`; not to
  // be destroyed in a callback.
  ClientCore(CoreOptions options, const Clock& clock, Executor& executor, Random random,
             KvChannel& channel);
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;
  // Calls that have not ended never will: Close first.
  ~ClientCore();

  void Execute(std::vector<Call> calls);
  void Execute(Call call);

  // Ends all calls, and from then on every new one, with reason::kClientClosed.
  void Close();

  size_t pending_calls() const { return calls_.size(); }

  // `release` is told the Call::cost of calls that have ended, before their callbacks run.
  void ReleaseCostsTo(absl::AnyInvocable<void(size_t cost)> release) {
    release_cost_ = std::move(release);
  }

 private:
  class Batch;  // of events; what they cause together is done at its end

  // The way of a call.
  void Start(Call call);
  void Dispatch(PendingCall& call);
  const ShardRoute* RouteOf(const PendingCall& call) const;
  bool HasIdentity(PendingCall& call, const ShardRoute& route);
  void OpenSessionOf(ShardId shard);
  void OnSessionOpening(ShardId shard, MonoTime deadline, StatusOr<Result> result);

  // SpreadCalls::Host: calls over several shards, whose parts come and go here as calls do.
  const RouteTable& Routes() const override { return routes_; }
  void StartPart(Call part) override { Start(std::move(part)); }
  void EndSpread(Call call, StatusOr<Result> result) override;

  // When it does not go well.
  void Refused(NodeLink& link, PendingCall& call, const ServerError& error);
  void Retry(NodeLink& link, PendingCall& call, const ServerError& error);
  void TurnFrom(const NodeLink& link);
  void BackOff(PendingCall& call, Duration at_least);
  void AwaitNode(PendingCall& call);
  void AwaitMap(PendingCall& call);
  void ReleaseAwaitingLeader();

  // Its end.
  void Finish(PendingCall& call, StatusOr<Result> result);
  void FinishRefused(PendingCall& call, const ServerError& error);
  void FinishLate(PendingCall& call);

  // The shard map: asked for once at a time, and again, with growing pauses, for as long as calls
  // wait for it or a shard has no leader that could be reached.
  void AskForMap();
  void OnMapFailure();
  bool NeedsMap() const;

  // Time.
  void Schedule(Timed& entry, MonoTime due);
  void OnTimer();
  void OnDue(PendingCall& call, MonoTime now);
  void OnSilence(PendingCall& call, MonoTime now);
  void GiveUp(NodeLink& link);
  void SetTimer();

  // NodeLink::Owner.
  void OnLinkOpen(NodeLink& link) override;
  void OnLinkReply(NodeLink& link, PendingCall& call, Reply reply) override;
  void OnLinkLateRefusal(NodeLink& link, const ServerError& error) override;
  void OnLinkShardMap(NodeLink& link, StatusOr<ShardMap> map) override;
  void OnLinkDown(NodeLink& link, const Status& why, CallQueue& sent, CallQueue& unsent) override;
  void BeginEvents() override;
  void EndEvents() override;

  const CoreOptions options_;
  const Clock& clock_;
  Executor& executor_;
  Random random_;

  DeadlineWheel wheel_;
  TimerId timer_ = 0;
  MonoTime timer_at_ = MonoTime::max();  // max: no timer is set
  bool timer_moved_ = false;             // something may be due before timer_at_

  NodeSet nodes_;
  RouteTable routes_;
  SessionKeeper sessions_;
  SpreadCalls spread_{*this};

  std::list<PendingCall> calls_;  // in the order of their start
  CallQueue await_map_;
  const NodeLink* map_asked_ = nullptr;  // who is being asked for the map
  // Whom to ask next, if there is a reason; empty: the favourite.
  std::string map_source_;
  Timed map_poll_;  // in the wheel: when to ask again
  uint32_t map_failures_ = 0;
  Status last_link_error_;  // why calls that were never sent have to wait; OK: no reason is known

  int open_batches_ = 0;
  std::vector<std::pair<decltype(Call::done), StatusOr<Result>>> finished_;
  absl::AnyInvocable<void(size_t cost)> release_cost_;
  size_t ended_cost_ = 0;  // not released yet
  bool closed_ = false;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CLIENT_CORE_H_

// The client's way to one node: its connection, what waits to be sent and what is unanswered on it.
// All that queued while the previous message was on its way goes out as the next one, so batches
// grow with the load and cost nothing at idle.
#ifndef FLOTILLA_CLIENT_NODE_LINK_H_
#define FLOTILLA_CLIENT_NODE_LINK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/clock.h"
#include "base/random.h"
#include "client/circuit_breaker.h"
#include "client/kv_channel.h"
#include "client/pending_call.h"
#include "client/route_table.h"

namespace flotilla::client {

struct LinkLimits {
  size_t max_batch_operations = 1024;
  size_t max_batch_bytes = 1 << 20;
  size_t max_unanswered = 16384;
  // How long the node may work on one try; also the limit of asking for the map.
  Duration try_timeout = std::chrono::seconds(2);
  BackoffLimits backoff;
};

class NodeLink final : public KvConnectionEvents {
 public:
  // Told on the core's executor. In OnLinkDown the calls belong to nobody until they are
  // dispatched anew; `unsent` ones have not left.
  class Owner {
   public:
    virtual void OnLinkOpen(NodeLink& link) = 0;
    virtual void OnLinkReply(NodeLink& link, PendingCall& call, Reply reply) = 0;
    // A refusal of something that nobody waits for any more.
    virtual void OnLinkLateRefusal(NodeLink& link, const ServerError& error) = 0;
    virtual void OnLinkShardMap(NodeLink& link, StatusOr<ShardMap> map) = 0;
    virtual void OnLinkDown(NodeLink& link, const Status& why, CallQueue& sent,
                            CallQueue& unsent) = 0;
    // Around every batch of events, so that what they cause is done once.
    virtual void BeginEvents() = 0;
    virtual void EndEvents() = 0;

   protected:
    ~Owner() = default;
  };

  // All references outlive the link.
  NodeLink(std::string endpoint, const LinkLimits& limits, const Clock& clock, Random random,
           KvChannel& channel, Owner& owner);

  const std::string& endpoint() const { return endpoint_; }
  // Whether calls may be sent here: not while the node fails.
  bool usable() const { return breaker_.AllowsCalls(); }
  const CircuitBreaker& breaker() const { return breaker_; }
  // When the node has said nothing for too long, if it goes on like that. `limit` is what it has to
  // answer small things. Only whole replies are heard, so there is more time for what is large, and
  // after a vain wait more for the next: answers may be large as well.
  MonoTime SilentAt(Duration limit) const {
    return std::max(heard_at_, busy_since_) + patience_ * limit + TransferTime();
  }
  // Whether it was asked something since it last said anything, and that is too long ago. The
  // callers may have given up since.
  bool IsSilent(Duration limit, MonoTime now) const {
    const MonoTime silent_at = asked_at_ + patience_ * limit + TransferTime();
    return open_ && asked_at_ > heard_at_ && now >= silent_at;
  }
  // What it may take to bring over what is unanswered, on a slow line.
  Duration TransferTime() const;

  // Takes the call into the outbox; it leaves with the next Flush.
  void Enqueue(PendingCall& call);
  // Forgets a call that is queued or sent here; its reply will be ignored.
  void Remove(PendingCall& call);
  void RequestShardMap();
  // Sends what may go now; connects first where needed.
  void Flush(const RouteTable& routes);
  // Connects to see whether a failing node is back, if it is time for that.
  void ProbeIfDue();
  // Gives the connection up; tells the owner.
  void Break(const Status& why);
  // The same, because the node was silent.
  void GiveUp(const Status& why);

 private:
  void OnOpen() override;
  void OnSent() override;
  void OnReplies(std::vector<Reply> replies) override;
  void OnShardMap(StatusOr<ShardMap> map) override;
  void OnClosed(const Status& why) override;

  void Connect();
  void SendBatch(const RouteTable& routes);
  OutgoingOperation Outgoing(PendingCall& call, size_t payload, const RouteTable& routes,
                             MonoTime now);

  const std::string endpoint_;
  const LinkLimits limits_;
  const Clock& clock_;
  Random random_;
  KvChannel& channel_;
  Owner& owner_;

  CircuitBreaker breaker_;
  std::unique_ptr<KvConnection> connection_;
  bool open_ = false;     // OnOpen came
  bool sending_ = false;  // between Send and OnSent
  bool map_wanted_ = false;
  bool map_requested_ = false;
  MonoTime heard_at_{};    // when the node last said anything
  MonoTime busy_since_{};  // when a call was sent while none was unanswered
  MonoTime asked_at_{};    // by the first message since the node last said anything
  int patience_ = 1;       // grows when the node is given up, for a while
  MonoTime gave_up_at_{};

  CallQueue outbox_;
  CallQueue sent_;
  absl::flat_hash_map<uint64_t, PendingCall*> by_try_;  // of sent_
  size_t unanswered_bytes_ = 0;                         // of sent_
  uint64_t next_try_ = 1;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_NODE_LINK_H_

// The network of a simulated world: real bytes on directed links that lose, repeat, delay, reorder
// and clog; partitions of any shape; connections that break with both ends told.
//
// A message belongs to the connection between its two nodes: breaking it loses everything in
// flight in both directions. Replays cross that line on purpose: they are old messages, late.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_NETWORK_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_NETWORK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

// Chances are per mille, each drawn for every message.
struct LinkOptions {
  uint32_t loss = 0;
  uint32_t duplicate = 0;  // a second copy, with a delay of its own
  uint32_t replay = 0;     // with this message comes one of the last ones again
  Duration delay_min = std::chrono::microseconds(50);
  Duration delay_mean = std::chrono::microseconds(100);  // exponential, added to the minimum
  // Messages of one channel stay in order, as on one TCP connection; else each for itself.
  bool ordered = true;
  // Messages in flight; what comes on top is lost.
  size_t capacity = 10'000;
};

// Separate connections of one pair of nodes: what is ordered, is so within a channel.
using Channel = uint8_t;
inline constexpr Channel kChannelsMax = 5;

// What became of messages.
struct NetworkCounts {
  uint64_t delivered = 0;
  uint64_t lost = 0;             // by chance
  uint64_t blocked = 0;          // by a cut link
  uint64_t over_capacity = 0;    // the link was full
  uint64_t connection_gone = 0;  // with the connection that it belonged to
  uint64_t nobody_there = 0;     // the receiver was down
  uint64_t filtered = 0;
  // Of those delivered or lost later.
  uint64_t duplicated = 0;
  uint64_t replayed = 0;   // delivered once more, late
  uint64_t overtaken = 0;  // arrived after one that was sent later
  uint64_t held = 0;       // by a clogged link
};

class SimNetwork {
 public:
  struct Handler {
    std::function<void(NodeIndex from, Channel channel, std::string_view bytes)> on_message;
    std::function<void(NodeIndex peer)> on_peer_lost;
  };
  // For directed tests: true lets the message pass, perhaps with parts of it taken out.
  using Filter =
      std::function<bool(NodeIndex from, NodeIndex to, Channel channel, std::string& bytes)>;

  // The world outlives the network.
  SimNetwork(SimWorld& world, NodeIndex nodes);

  // Takes the node online; without a handler what arrives is lost.
  void Attach(NodeIndex node, Handler handler);
  // Takes it offline: what is in flight to it is lost, what it sent may still arrive or not. With
  // `notify_peers` they see their connections break (a killed process); without, nothing (a power
  // cut).
  void Detach(NodeIndex node, bool notify_peers);

  void Send(NodeIndex from, NodeIndex to, Channel channel, std::string bytes);
  // The k-th message that this node sends from now on (1 is the next, 0: none) and all that follow
  // are never sent, until it is detached; `died` is called once, when that happens.
  void DieAtSend(NodeIndex node, uint64_t k, std::function<void()> died);

  void SetLink(NodeIndex from, NodeIndex to, const LinkOptions& options);
  void SetAllLinks(const LinkOptions& options);
  void SetFilter(Filter filter) { filter_ = std::move(filter); }

  // One direction of one link: messages vanish silently, those in flight too.
  void Block(NodeIndex from, NodeIndex to, bool blocked);
  bool blocked(NodeIndex from, NodeIndex to) const { return At(from, to).blocked; }
  bool AnyBlocked() const;
  void UnblockAll();
  // Nothing arrives on this link before `until`; then all of it.
  void Clog(NodeIndex from, NodeIndex to, Duration until);
  // What was held back arrives now.
  void UnclogAll();
  // Loses what is in flight both ways and tells both ends soon.
  void BreakConnection(NodeIndex a, NodeIndex b);

  NodeIndex size() const { return static_cast<NodeIndex>(handlers_.size()); }
  const NetworkCounts& counts() const { return counts_; }

 private:
  struct Sent {
    Channel channel = 0;
    uint64_t number = 0;  // of its link
    SharedBytes bytes;
    uint32_t crc = 0;
  };
  struct Link {
    LinkOptions options;
    bool blocked = false;
    Duration clogged_until{};
    Duration last_arrival[kChannelsMax] = {};
    size_t in_flight = 0;
    uint64_t sent = 0;
    uint64_t newest_delivered = 0;
    // Counts the connections: a message of an older one is lost.
    uint64_t connection = 0;
    // The last messages, as a ring; what replays are drawn from.
    std::vector<Sent> history;
    size_t history_next = 0;
    // What arrived while the link was clogged, in order.
    std::deque<std::function<void()>> held;
  };

  // When a node dies of sending.
  struct Doom {
    uint64_t sends_left = 0;
    bool dead = false;
    std::function<void()> died;
  };

  bool DiesSending(NodeIndex node);
  Link& At(NodeIndex from, NodeIndex to) { return links_[size_t{from} * size() + to]; }
  const Link& At(NodeIndex from, NodeIndex to) const { return links_[size_t{from} * size() + to]; }
  void Remember(Link& link, const Sent& sent);
  void Fly(NodeIndex from, NodeIndex to, const Sent& sent, bool is_replay);
  void Arrive(NodeIndex from, NodeIndex to, const Sent& sent, uint64_t connection, bool is_replay);
  void Deliver(NodeIndex from, NodeIndex to, const Sent& sent, uint64_t connection, bool is_replay);
  void ReleaseHeld(NodeIndex from, NodeIndex to);
  void TellPeerLost(NodeIndex node, NodeIndex peer);

  SimWorld& world_;
  Random random_;
  std::vector<Handler> handlers_;
  std::map<NodeIndex, Doom> doomed_;
  std::vector<Link> links_;
  Filter filter_;
  NetworkCounts counts_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_NETWORK_H_

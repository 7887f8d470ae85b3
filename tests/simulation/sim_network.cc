#include "tests/simulation/sim_network.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"

namespace flotilla::simulation {

namespace {

constexpr size_t kHistoryMax = 32;
// How late an old message can come again.
constexpr Duration kReplayDelayMean = std::chrono::seconds(2);

}  // namespace

SimNetwork::SimNetwork(SimWorld& world, NodeIndex nodes)
    : world_(world), random_(world.Stream("network")), handlers_(nodes) {
  links_.resize(size_t{nodes} * nodes);
}

void SimNetwork::Attach(NodeIndex node, Handler handler) { handlers_[node] = std::move(handler); }

void SimNetwork::Detach(NodeIndex node, bool notify_peers) {
  handlers_[node] = {};
  doomed_.erase(node);
  for (NodeIndex peer = 0; peer < size(); ++peer) {
    if (peer == node) continue;
    ++At(peer, node).connection;
    if (random_.Chance(1, 2)) ++At(node, peer).connection;
    if (notify_peers) TellPeerLost(peer, node);
  }
}

void SimNetwork::Send(NodeIndex from, NodeIndex to, Channel channel, std::string bytes) {
  FLOTILLA_CHECK_LT(channel, kChannelsMax);
  Link& link = At(from, to);
  if (DiesSending(from)) return;
  if (filter_ && !filter_(from, to, channel, bytes)) {
    ++counts_.filtered;
    return;
  }
  const uint32_t crc = Crc32c(bytes);
  const Sent sent{
      .channel = channel, .number = ++link.sent, .bytes = MakeBytes(std::move(bytes)), .crc = crc};
  const LinkOptions& options = link.options;
  const bool replay = !link.history.empty() && random_.Chance(options.replay, 1000);
  if (options.replay > 0) Remember(link, sent);
  if (random_.Chance(options.loss, 1000)) {
    ++counts_.lost;
  } else {
    Fly(from, to, sent, false);
  }
  if (random_.Chance(options.duplicate, 1000)) {
    ++counts_.duplicated;
    Fly(from, to, sent, false);
  }
  if (replay) Fly(from, to, random_.Pick(link.history), true);
}

void SimNetwork::DieAtSend(NodeIndex node, uint64_t k, std::function<void()> died) {
  doomed_.erase(node);
  if (k > 0) doomed_[node] = {.sends_left = k, .died = std::move(died)};
}

bool SimNetwork::DiesSending(NodeIndex node) {
  const auto doom = doomed_.find(node);
  if (doom == doomed_.end()) return false;
  if (doom->second.dead) return true;
  if (--doom->second.sends_left > 0) return false;
  doom->second.dead = true;
  const auto died = std::exchange(doom->second.died, nullptr);
  died();
  return true;
}

void SimNetwork::SetLink(NodeIndex from, NodeIndex to, const LinkOptions& options) {
  At(from, to).options = options;
}

void SimNetwork::SetAllLinks(const LinkOptions& options) {
  for (Link& link : links_) link.options = options;
}

void SimNetwork::Block(NodeIndex from, NodeIndex to, bool blocked) {
  At(from, to).blocked = blocked;
}

bool SimNetwork::AnyBlocked() const {
  return std::any_of(links_.begin(), links_.end(), [](const Link& link) { return link.blocked; });
}

void SimNetwork::UnblockAll() {
  for (Link& link : links_) link.blocked = false;
}

void SimNetwork::Clog(NodeIndex from, NodeIndex to, Duration until) {
  At(from, to).clogged_until = until;
}

void SimNetwork::UnclogAll() {
  for (NodeIndex from = 0; from < size(); ++from) {
    for (NodeIndex to = 0; to < size(); ++to) {
      Link& link = At(from, to);
      link.clogged_until = {};
      if (link.held.empty()) continue;
      world_.At(world_.now(), EventKind::kMessage, kWorldNode,
                [this, from, to] { ReleaseHeld(from, to); });
    }
  }
}

void SimNetwork::BreakConnection(NodeIndex a, NodeIndex b) {
  ++At(a, b).connection;
  ++At(b, a).connection;
  TellPeerLost(a, b);
  TellPeerLost(b, a);
}

void SimNetwork::Remember(Link& link, const Sent& sent) {
  if (link.history.size() < kHistoryMax) {
    link.history.push_back(sent);
    return;
  }
  link.history[link.history_next] = sent;
  link.history_next = (link.history_next + 1) % kHistoryMax;
}

void SimNetwork::Fly(NodeIndex from, NodeIndex to, const Sent& sent, bool is_replay) {
  Link& link = At(from, to);
  if (link.in_flight >= link.options.capacity) {
    ++counts_.over_capacity;
    return;
  }
  ++link.in_flight;
  Duration arrival = world_.now() + link.options.delay_min;
  if (link.options.delay_mean > Duration::zero()) {
    arrival += random_.Exponential(link.options.delay_mean);
  }
  if (is_replay) {
    arrival += random_.Exponential(kReplayDelayMean);
  } else if (link.options.ordered) {
    Duration& last = link.last_arrival[sent.channel];
    last = arrival = std::max(last, arrival);
  }
  // Not an event of the receiver's: its death does not take the message out of the network.
  world_.At(
      arrival, EventKind::kMessage, kWorldNode,
      [this, from, to, sent, connection = link.connection, is_replay] {
        Arrive(from, to, sent, connection, is_replay);
      },
      sent.crc);
}

void SimNetwork::Arrive(NodeIndex from, NodeIndex to, const Sent& sent, uint64_t connection,
                        bool is_replay) {
  Link& link = At(from, to);
  if (world_.now() >= link.clogged_until && link.held.empty()) {
    Deliver(from, to, sent, connection, is_replay);
    return;
  }
  ++counts_.held;
  link.held.push_back([this, from, to, sent, connection, is_replay] {
    Deliver(from, to, sent, connection, is_replay);
  });
  if (link.held.size() == 1) ReleaseHeld(from, to);
}

void SimNetwork::Deliver(NodeIndex from, NodeIndex to, const Sent& sent, uint64_t connection,
                         bool is_replay) {
  Link& link = At(from, to);
  --link.in_flight;
  const bool connection_gone = connection != link.connection && !is_replay;
  if (link.blocked || connection_gone || !handlers_[to].on_message) {
    ++(link.blocked      ? counts_.blocked
       : connection_gone ? counts_.connection_gone
                         : counts_.nobody_there);
    return;
  }
  ++counts_.delivered;
  if (is_replay) {
    ++counts_.replayed;
  } else if (sent.number < link.newest_delivered) {
    ++counts_.overtaken;
  }
  link.newest_delivered = std::max(link.newest_delivered, sent.number);
  handlers_[to].on_message(from, sent.channel, View(sent.bytes));
}

void SimNetwork::ReleaseHeld(NodeIndex from, NodeIndex to) {
  Link& link = At(from, to);
  if (world_.now() < link.clogged_until) {
    world_.At(link.clogged_until, EventKind::kMessage, kWorldNode,
              [this, from, to] { ReleaseHeld(from, to); });
    return;
  }
  const auto held = std::move(link.held);
  link.held.clear();
  for (const auto& deliver : held) deliver();
}

void SimNetwork::TellPeerLost(NodeIndex node, NodeIndex peer) {
  const Duration delay = random_.Exponential(std::chrono::milliseconds(1));
  world_.After(delay, EventKind::kPeerLost, kWorldNode, [this, node, peer] {
    if (handlers_[node].on_peer_lost) handlers_[node].on_peer_lost(peer);
  });
}

}  // namespace flotilla::simulation

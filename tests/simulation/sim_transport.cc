#include "tests/simulation/sim_transport.h"

#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"

namespace flotilla::simulation {

namespace {

// Beside the node's own channels: hellos, and what a TCP reset would say.
constexpr Channel kControl = node::kPeerChannelCount;

enum Control : uint8_t {
  kExchange = 1,
  kExchangeReply = 2,
  kExchangeRefused = 3,
  kDial = 4,
  kWelcome = 5,
  kReset = 6,
  kPing = 7,
  kPong = 8,
};

constexpr Duration kExchangeTimeout = std::chrono::seconds(1);
constexpr Duration kRedial = std::chrono::milliseconds(200);
// A connection is asked whether it lives this often, and closed after this long without an answer.
constexpr Duration kPingInterval = std::chrono::milliseconds(300);
constexpr Duration kSilenceMax = std::chrono::seconds(1);

}  // namespace

SimTransport::SimTransport(SimNetwork& network, NodeIndex self, Clock& clock, Executor& executor,
                           Directory directory)
    : network_(network),
      self_(self),
      clock_(clock),
      executor_(executor),
      directory_(std::move(directory)),
      next_id_(static_cast<uint64_t>(clock.Now().time_since_epoch().count())) {}

void SimTransport::Attach(node::PeerEvents& events, SimNetwork::Handler others) {
  events_ = &events;
  others_ = std::move(others);
  // Through the executor: a process that is not scheduled reads nothing.
  network_.Attach(self_, {.on_message =
                              [this](NodeIndex from, Channel channel, std::string_view bytes) {
                                executor_.Post([this, from, channel, copy = std::string(bytes)] {
                                  OnBytes(from, channel, copy);
                                });
                              },
                          .on_peer_lost =
                              [this](NodeIndex machine) {
                                executor_.Post([this, machine] { OnConnectionLost(machine); });
                              }});
}

void SimTransport::SetPeer(NodeId node, const std::string& address) {
  const std::optional<NodeIndex> machine = directory_(address);
  if (!machine.has_value()) return;
  Peer& peer = peers_[node];
  if (peer.dial != 0 && peer.machine == *machine) return;
  if (peer.connected) Disconnect(node, peer);
  peer.machine = *machine;
  Dial(node);
}

void SimTransport::Dial(NodeId node) {
  Peer& peer = peers_[node];
  if (peer.connected) return;
  peer.dial = next_id_++;
  SendControl(peer.machine, kDial, peer.dial, events_->LocalHello());
  executor_.PostAt(clock_.Now() + kRedial, [this, node, dial = peer.dial] {
    const Peer& dialled = peers_[node];
    if (!dialled.connected && dialled.dial == dial) Dial(node);
  });
}

void SimTransport::Send(NodeId to, node::PeerChannel channel, std::string bytes) {
  const auto found = peers_.find(to);
  if (found == peers_.end() || !found->second.connected) return;
  Peer& peer = found->second;
  std::string framed;
  framed.reserve(bytes.size() + 16);
  PutVarint(framed, peer.dial);
  PutVarint(framed, peer.next_sequence++);
  framed += bytes;
  network_.Send(self_, peer.machine, static_cast<Channel>(channel), std::move(framed));
}

void SimTransport::Exchange(const std::string& address, std::string hello, ExchangeDone done) {
  const std::optional<NodeIndex> machine = directory_(address);
  const uint64_t id = next_id_++;
  exchanges_.emplace(id, std::move(done));
  if (machine.has_value()) SendControl(*machine, kExchange, id, hello);
  executor_.PostAt(clock_.Now() + kExchangeTimeout,
                   [this, id] { FinishExchange(id, absl::DeadlineExceededError("no answer")); });
}

void SimTransport::FinishExchange(uint64_t id, absl::StatusOr<std::string> reply) {
  auto exchange = exchanges_.extract(id);
  if (!exchange.empty()) exchange.mapped()(std::move(reply));
}

void SimTransport::OnBytes(NodeIndex from, Channel channel, std::string_view bytes) {
  if (channel == kControl) {
    OnControl(from, bytes);
  } else if (channel > kControl) {
    if (others_.on_message) others_.on_message(from, channel, bytes);
  } else {
    OnData(from, channel, bytes);
  }
}

void SimTransport::OnData(NodeIndex from, Channel channel, std::string_view bytes) {
  Decoder in(bytes);
  const uint64_t dial = in.Varint();
  const uint64_t sequence = in.Varint();
  const auto caller = callers_.find(from);
  if (caller == callers_.end() || caller->second.dial < dial) {
    // The sender talks to the process that was here before.
    SendControl(from, kReset, dial, "");
    return;
  }
  if (caller->second.dial != dial || caller->second.sequence[channel] >= sequence) return;
  caller->second.sequence[channel] = sequence;
  events_->OnPeerMessage(caller->second.node, static_cast<node::PeerChannel>(channel), in.rest());
}

void SimTransport::OnControl(NodeIndex from, std::string_view bytes) {
  Decoder in(bytes);
  const uint8_t kind = in.Fixed8();
  const uint64_t id = in.Varint();
  if (!in.ok()) return;
  NodeId node;
  switch (kind) {
    case kExchange:
      OnExchange(from, id, in.rest());
      return;
    case kExchangeReply:
      FinishExchange(id, std::string(in.rest()));
      return;
    case kExchangeRefused:
      FinishExchange(id, absl::FailedPreconditionError(AbslView(in.rest())));
      return;
    case kDial:
      OnDial(from, id, in.rest());
      return;
    case kWelcome:
      if (Peer* peer = FindDial(from, id, &node); peer != nullptr && !peer->connected) {
        peer->connected = true;
        peer->last_heard = clock_.Now();
        events_->OnPeerConnected(node);
        KeepAlive(node);
      }
      return;
    case kPing:
      if (const auto caller = callers_.find(from);
          caller != callers_.end() && caller->second.dial == id) {
        SendControl(from, kPong, id, "");
      }
      return;
    case kPong:
      if (Peer* peer = FindDial(from, id, &node)) peer->last_heard = clock_.Now();
      return;
    case kReset:
      if (Peer* peer = FindDial(from, id, &node)) Disconnect(node, *peer);
      return;
    default:
      return;
  }
}

void SimTransport::OnExchange(NodeIndex from, uint64_t id, std::string_view hello) {
  const absl::StatusOr<std::string> reply = events_->OnExchange(hello);
  const std::string_view why = StdView(reply.status().message());
  SendControl(from, reply.ok() ? kExchangeReply : kExchangeRefused, id,
              reply.ok() ? std::string_view(*reply) : why);
}

void SimTransport::OnDial(NodeIndex from, uint64_t dial, std::string_view hello) {
  const auto caller = callers_.find(from);
  // Repeated by the network, or older than the connection there is.
  if (caller != callers_.end() && caller->second.dial >= dial) return;
  const absl::StatusOr<NodeId> peer = events_->OnHandshake(hello);
  if (!peer.ok()) return;
  callers_[from] = {.node = *peer, .dial = dial};
  SendControl(from, kWelcome, dial, "");
}

SimTransport::Peer* SimTransport::FindDial(NodeIndex machine, uint64_t dial, NodeId* node) {
  for (auto& [id, peer] : peers_) {
    if (peer.machine != machine || peer.dial != dial) continue;
    *node = id;
    return &peer;
  }
  return nullptr;
}

void SimTransport::KeepAlive(NodeId node) {
  Peer& peer = peers_[node];
  if (clock_.Now() - peer.last_heard > kSilenceMax) {
    Disconnect(node, peer);
    return;
  }
  SendControl(peer.machine, kPing, peer.dial, "");
  executor_.PostAt(clock_.Now() + kPingInterval, [this, node, dial = peer.dial] {
    const Peer& asked = peers_[node];
    if (asked.connected && asked.dial == dial) KeepAlive(node);
  });
}

void SimTransport::OnConnectionLost(NodeIndex machine) {
  if (others_.on_peer_lost) others_.on_peer_lost(machine);
  callers_.erase(machine);
  for (auto& [node, peer] : peers_) {
    if (peer.machine == machine && peer.connected) Disconnect(node, peer);
  }
}

void SimTransport::Disconnect(NodeId node, Peer& peer) {
  if (!std::exchange(peer.connected, false)) return;
  events_->OnPeerLost(node);
  executor_.PostAt(clock_.Now() + kRedial, [this, node] { Dial(node); });
}

void SimTransport::SendControl(NodeIndex to, uint8_t kind, uint64_t id, std::string_view payload) {
  std::string bytes;
  PutFixed8(bytes, kind);
  PutVarint(bytes, id);
  bytes += payload;
  network_.Send(self_, to, kControl, std::move(bytes));
}

}  // namespace flotilla::simulation

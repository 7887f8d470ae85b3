// node::PeerTransport over the simulated network, with the promises of the real one: a handshake,
// messages in order and at most once per connection and channel (what the network repeats, delays
// beyond its successors or replays is dropped), a silent connection closed and dialled again. One
// per process life; what it heard in the life before is gone.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_TRANSPORT_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/executor.h"
#include "node/peer_transport.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

class SimTransport : public node::PeerTransport {
 public:
  // Which machine listens at an address; none when nobody ever does.
  using Directory = std::function<std::optional<NodeIndex>(const std::string& address)>;

  // Everything outlives the transport. Attach before anything is sent.
  SimTransport(SimNetwork& network, NodeIndex self, Clock& clock, Executor& executor,
               Directory directory);

  // Begins to receive, on behalf of `events`. What comes by channels that are not the peers' goes
  // to `others`, who hears of lost machines as well; all on the executor.
  void Attach(node::PeerEvents& events, SimNetwork::Handler others = {});

  void SetPeer(NodeId node, const std::string& address) override;
  void Send(NodeId to, node::PeerChannel channel, std::string bytes) override;
  void Exchange(const std::string& address, std::string hello,
                absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override;

 private:
  // Where this process sends.
  struct Peer {
    NodeIndex machine = 0;
    bool connected = false;
    // Names the dial that a welcome answers, then the connection.
    uint64_t dial = 0;
    uint64_t next_sequence = 1;
    MonoTime last_heard;
  };
  // Who dialled this process; only such are listened to.
  struct Caller {
    NodeId node;
    uint64_t dial = 0;
    // Of the last message taken, per channel.
    uint64_t sequence[kChannelsMax] = {};
  };
  using ExchangeDone = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;

  void OnBytes(NodeIndex from, Channel channel, std::string_view bytes);
  void OnData(NodeIndex from, Channel channel, std::string_view bytes);
  void OnControl(NodeIndex from, std::string_view bytes);
  void OnDial(NodeIndex from, uint64_t dial, std::string_view hello);
  void OnExchange(NodeIndex from, uint64_t id, std::string_view hello);
  void OnConnectionLost(NodeIndex machine);
  void Dial(NodeId node);
  void Disconnect(NodeId node, Peer& peer);
  void KeepAlive(NodeId node);
  // The peer whose dial this is, if it still is; null otherwise.
  Peer* FindDial(NodeIndex machine, uint64_t dial, NodeId* node);
  void SendControl(NodeIndex to, uint8_t kind, uint64_t id, std::string_view payload);
  void FinishExchange(uint64_t id, absl::StatusOr<std::string> reply);

  SimNetwork& network_;
  const NodeIndex self_;
  Clock& clock_;
  Executor& executor_;
  const Directory directory_;
  node::PeerEvents* events_ = nullptr;
  SimNetwork::Handler others_;

  std::map<NodeId, Peer> peers_;
  std::map<NodeIndex, Caller> callers_;
  std::map<uint64_t, ExchangeDone> exchanges_;
  // From the clock's time on: later lives of the machine have greater ones.
  uint64_t next_id_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_TRANSPORT_H_

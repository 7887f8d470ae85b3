// One end of a connection between a client and a node: what TCP makes of a network that loses,
// repeats, delays and reorders. Messages arrive in order and at most once; a lost one holds up
// those behind it until it has been sent again. Nobody is told that the peer is silent.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_STREAM_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_STREAM_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/executor.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

// Behind the channels of the nodes' own transport.
inline constexpr Channel kClientChannel = 4;

// The first byte of a message says what is asked, and in the other direction, what is answered.
enum class ClientMessage : char { kPipeline = 'P', kShardMap = 'M' };

// What is on the wire.
struct StreamFrame {
  enum class Kind : uint8_t {
    kConnect = 1,
    kAccept = 2,
    kReset = 3,  // there is no such connection, or not any more
    kData = 4,
    kAcknowledge = 5,
  };
  Kind kind = Kind::kReset;
  // A connection has a number from each end, so that nothing old is taken for a part of it.
  uint64_t caller = 0;
  uint64_t callee = 0;        // 0 in kConnect, and in a kReset that answers one
  uint64_t sequence = 0;      // kData: from 1
  uint64_t acknowledged = 0;  // kData, kAcknowledge: all up to here have arrived
  std::string_view payload;   // kData
};
std::string EncodeFrame(const StreamFrame& frame);
std::optional<StreamFrame> DecodeFrame(std::string_view bytes);

// Lives on one executor. From the moment at which both ends know both numbers.
class SimStream {
 public:
  using Transmit = std::function<void(std::string frame)>;

  // Clock and executor outlive the stream.
  SimStream(Clock& clock, Executor& executor, uint64_t caller, uint64_t callee, Transmit transmit);
  ~SimStream();
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  void Send(std::string message);
  // Takes in data or an acknowledgement of this connection.
  void Take(const StreamFrame& frame);
  // The next message that is complete and in order; nullopt when there is none yet.
  std::optional<std::string> Next();

  // Messages sent and not known to have arrived.
  size_t unacknowledged() const { return sent_.size(); }

 private:
  struct Sent {
    uint64_t sequence = 0;
    MonoTime first_sent;
    std::string message;
  };

  void TransmitData(const Sent& sent);
  void ArmTimer();
  void OnTimer();

  Clock& clock_;
  Executor& executor_;
  const uint64_t caller_;
  const uint64_t callee_;
  const Transmit transmit_;

  std::deque<Sent> sent_;
  uint64_t next_sequence_ = 1;
  TimerId timer_ = 0;

  uint64_t taken_ = 0;    // the last message that Next gave out
  uint64_t arrived_ = 0;  // all up to here have come
  std::map<uint64_t, std::string> received_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_STREAM_H_

// Where clients come in at a simulated node: takes their connections and does with their bytes what
// the server does, by the server's own code behind gRPC.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_FRONT_DOOR_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_FRONT_DOOR_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "kv/limits.h"
#include "node/node.h"
#include "server/gateway.h"
#include "server/request_codec.h"
#include "server/request_metrics.h"
#include "tests/simulation/cluster/sim_stream.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

// Of one node process. Everything happens on its executor.
class SimFrontDoor {
 public:
  struct Environment {
    SimNetwork& network;
    NodeIndex self;
    Clock& clock;
    Executor& executor;
    Logger& logger;
    RunRecord& record;
  };

  // Everything outlives the door; and the door, what the node does for its clients.
  SimFrontDoor(const Environment& environment, node::Node& node, const kv::Limits& limits);
  ~SimFrontDoor();

  void OnFrame(NodeIndex from, std::string_view bytes);
  void OnPeerLost(NodeIndex client);

 private:
  class Connection;
  // The client's machine and the number that it gave.
  using Name = std::pair<NodeIndex, uint64_t>;

  void OnConnect(NodeIndex from, uint64_t caller);
  void Transmit(NodeIndex to, std::string frame);

  const Environment environment_;
  node::Node& node_;
  MetricsRegistry registry_;
  server::RequestMetrics metrics_;
  server::Gateway gateway_;
  const server::RequestCodec codec_;
  std::map<Name, std::shared_ptr<Connection>> connections_;
  // From the clock's time on: later lives of the machine have greater ones.
  uint64_t next_number_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_FRONT_DOOR_H_

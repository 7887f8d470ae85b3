// client::KvChannel over the simulated network: the bytes of the library's messages, on connections
// as gRPC's are.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_KV_CHANNEL_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_KV_CHANNEL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/executor.h"
#include "client/kv_channel.h"
#include "tests/simulation/cluster/sim_stream.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

class SimKvConnection;

// Of one client process. Everything happens on its executor.
class SimKvChannel : public client::KvChannel {
 public:
  // Which machine listens at an endpoint; none when nobody ever does.
  using Directory = std::function<std::optional<NodeIndex>(const std::string& endpoint)>;

  // Everything outlives the channel. Begins to receive for the machine `self`.
  SimKvChannel(SimNetwork& network, NodeIndex self, Clock& clock, Executor& executor,
               Directory directory, RunRecord& record);

  std::unique_ptr<client::KvConnection> Connect(const std::string& endpoint,
                                                client::KvConnectionEvents& events) override;

  // The process died: what goes on without it says nothing any more.
  void Silence() { silent_ = true; }

 private:
  friend class SimKvConnection;

  void OnFrame(NodeIndex from, std::string_view bytes);
  void OnPeerLost(NodeIndex node);
  void Transmit(NodeIndex to, std::string frame);
  // For the connection of this number, if it is still there when the task runs.
  void Post(uint64_t number, std::function<void(SimKvConnection&)> task);
  TimerId PostAfter(Duration delay, uint64_t number, std::function<void(SimKvConnection&)> task);
  // Null when it is gone.
  SimKvConnection* Find(uint64_t number) const;

  SimNetwork& network_;
  const NodeIndex self_;
  Clock& clock_;
  Executor& executor_;
  const Directory directory_;
  RunRecord& record_;
  std::map<uint64_t, SimKvConnection*> connections_;
  // From the clock's time on: later lives of the machine have greater ones.
  uint64_t next_number_;
  // Of writes; what is sent twice is sent again.
  std::set<uint64_t> sequences_sent_;
  bool silent_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_KV_CHANNEL_H_

// What nodes say to each other in a scenario, item by item: counts it, and loses what a scenario
// wants lost. Sits in the network's filter.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_TRAFFIC_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_TRAFFIC_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "node/envelope.h"
#include "tests/simulation/sim_network.h"

namespace flotilla::simulation {

enum class MessageKind : uint8_t {
  kVoteRequest,  // pre-votes too
  kVoteResponse,
  kAppend,  // with entries or without
  kAppendResponse,
  kHeartbeat,
  kHeartbeatResponse,
  kTimeoutNow,
  kReadIndexRequest,
  kReadIndexResponse,
  kForwardedWrite,
  kForwardedRead,
  kWriteAnswer,
  kReadAnswer,
  kSnapshotOffer,
  kSnapshotData,
  kSnapshotAnswer,
  kSplitPreparationRequest,
  kSplitPreparationAnswer,
  kRepairRequest,
  kMembershipQuestion,
  kMembershipAnswer,
  kDirectoryReport,
  kDirectoryUpdate,
  kShardOrder,
};
MessageKind KindOf(const node::PeerItem& item);

class Traffic {
 public:
  // Whether an item is lost.
  using Loses = std::function<bool(NodeIndex from, NodeIndex to, const node::PeerItem& item)>;

  // The network outlives the traffic.
  explicit Traffic(SimNetwork& network);
  ~Traffic();
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // From now on this is lost as well as what was to be lost before, until LoseNothing.
  void Lose(Loses loses) { loses_.push_back(std::move(loses)); }
  void Lose(std::initializer_list<MessageKind> kinds);
  void LoseFrom(NodeIndex from, std::initializer_list<MessageKind> kinds);
  void LoseTo(NodeIndex to, std::initializer_list<MessageKind> kinds);
  void LoseNothing() { loses_.clear(); }

  // Since the scenario began, or since Forget; what was lost here counts too.
  uint64_t count(MessageKind kind) const;
  // Of commands and configuration entries in appends, with what frames them.
  uint64_t append_bytes() const { return append_bytes_; }
  uint64_t snapshot_bytes() const { return snapshot_bytes_; }
  uint64_t items() const;
  void Forget();

  // Network sends of any kind by one machine so far.
  uint64_t sends(NodeIndex from) const { return sends_[from]; }

 private:
  bool Pass(NodeIndex from, NodeIndex to, Channel channel, std::string& bytes);
  bool PassItems(NodeIndex from, NodeIndex to, std::string& bytes);
  bool IsLost(NodeIndex from, NodeIndex to, const node::PeerItem& item) const;
  void Count(const node::PeerItem& item);

  SimNetwork& network_;
  std::vector<Loses> loses_;
  std::map<MessageKind, uint64_t> counts_;
  uint64_t append_bytes_ = 0;
  uint64_t snapshot_bytes_ = 0;
  std::vector<uint64_t> sends_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_TRAFFIC_H_

// A cluster of whole nodes in a simulated world to which exactly that happens which a test says:
//
//   Scenario scenario(seed, {.nodes = 5});
//   scenario.Start();
//   ScenarioClient& client = scenario.NewClient();
//   client.Put("k", "1");
//   const NodeIndex leader = scenario.AwaitLeader();
//   scenario.Isolate(leader);
//   client.Put("k", "2");
//   scenario.Heal();
//   scenario.AwaitAgreement();
//
// Nodes are numbered from 0. The seed draws latencies, and what the test draws from random().
// Throughout, the cluster's oracle listens, each term must have one leader, nothing may be applied
// that is not committed and durable, and no node or replica may stop by itself unless the test
// excuses it. When the scenario ends, what clients saw must be linearizable, and the judge may not
// give up.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/simulation/cluster/cluster_host.h"
#include "tests/simulation/history.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/scenarios/scenario_client.h"
#include "tests/simulation/scenarios/traffic.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

// The one shard that there is.
inline constexpr ShardId kShard{1};
// A follower campaigns after one to two of these without its leader.
inline constexpr Duration kElectionTimeout = std::chrono::milliseconds(500);
// Time for any election that can succeed at all.
inline constexpr Duration kElectionLimit = kElectionTimeout * 20;

// Of ScenarioOptions::small_log, in bytes.
inline constexpr uint64_t kSmallLogBudget = 256 << 10;

struct ScenarioOptions {
  NodeIndex nodes = 3;   // found the cluster
  NodeIndex spares = 0;  // run beside it and may become members
  NodeIndex others = 0;  // places in the network behind the nodes, for clients with machines
  // Little fits into the log: whoever is away for a few writes needs a snapshot.
  bool small_log = false;
  // Messages get lost, late and twice.
  bool unreliable = false;
  // Instead of what the seed draws.
  std::optional<LinkOptions> links{};
  std::optional<SimDiskOptions> disk{};
  std::function<void(node::NodeOptions&)> adjust{};
};

// A write that is asked for at one node and never repeated, and what became of it.
struct OneWrite {
  Operation operation;
  bool answered = false;
  node::WriteReply reply{};

  bool succeeded() const { return answered && reply.error.ok(); }
};
using OneWrites = std::vector<std::shared_ptr<OneWrite>>;

class Scenario : public ClientPort {
 public:
  explicit Scenario(uint64_t seed, const ScenarioOptions& options = {});
  ~Scenario() override;

  // All nodes, and waits until they serve.
  void Start();

  // --- Time. RunUntil looks after every event, Await every few milliseconds; false when `limit`
  // passes first.
  Duration now() const { return world_.now(); }
  void RunFor(Duration time);
  bool RunUntil(const std::function<bool()>& condition, Duration limit) override;
  bool Await(const std::function<bool()>& condition, Duration limit = kElectionLimit);
  Random& random() { return random_; }

  // --- Who leads. A leader counts when it is among `nodes`, its term is the newest there, and a
  // majority of them follows it. A test failure when there is none in time.
  NodeIndex AwaitLeader();
  NodeIndex AwaitLeaderAmong(const std::vector<NodeIndex>& nodes, Duration limit = kElectionLimit);
  std::optional<NodeIndex> LeaderAmong(const std::vector<NodeIndex>& nodes) const;
  // All of the cluster's nodes but these.
  std::vector<NodeIndex> AllBut(const std::vector<NodeIndex>& nodes) const;
  std::vector<NodeIndex> All() const { return AllBut({}); }
  // Any node but these.
  NodeIndex AnyBut(const std::vector<NodeIndex>& nodes);

  // --- The network. What is cut loses messages in silence, those in flight too. Clients reach
  // every node.
  void Cut(NodeIndex from, NodeIndex to) { network_.Block(from, to, true); }
  void CutLink(NodeIndex a, NodeIndex b);
  void HealLink(NodeIndex a, NodeIndex b);
  void Isolate(NodeIndex node);
  void Rejoin(NodeIndex node);  // the end of Isolate
  // Nothing arrives on this link before `until`; then all of it.
  void Hold(NodeIndex from, NodeIndex to, Duration until) { network_.Clog(from, to, until); }
  void PartitionAtRandom();  // two sides, anyone on either
  // Only nodes of one group reach each other; who is in none is alone.
  void Partition(const std::vector<std::vector<NodeIndex>>& groups);
  void Heal();  // all that is cut or held up
  void SetLinks(const LinkOptions& links) { network_.SetAllLinks(links); }
  void SetLinksOf(NodeIndex node, const LinkOptions& links);
  Traffic& traffic() { return traffic_; }

  // --- Processes and disks.
  void Kill(NodeIndex node) { host_.machine(node).Kill(); }
  void PowerOff(NodeIndex node, const CrashModel& model = CrashModel());
  void PowerOffAll();
  void Restart(NodeIndex node);
  void RestartAll();
  // Powers it off and takes its disk away.
  void Wipe(NodeIndex node);
  // As SIGSTOP and, after that time, SIGCONT.
  void Pause(NodeIndex node, Duration time);
  bool running(NodeIndex node) const { return host_.machine(node).running(); }
  SimMachine& machine(NodeIndex node) { return host_.machine(node); }
  // Whatever stops this node or its replica is what the test wants.
  void Excuse(NodeIndex node) { excused_.insert(node); }
  // Why the node stopped itself; OK while it has not.
  absl::Status StoppedBy(NodeIndex node) const;

  // --- What can be seen.
  node::Node* node(NodeIndex node) const { return host_.node(node); }
  std::optional<node::ReplicaStatus> Replica(NodeIndex node) const {
    return host_.ReplicaOf(node, kShard);
  }
  std::optional<node::ReplicaStatus> ReplicaOf(NodeIndex node, ShardId shard) const {
    return host_.ReplicaOf(node, shard);
  }
  // Whoever takes itself for the leader; of several, the one of the latest term.
  std::optional<NodeIndex> LeaderOf(ShardId shard) const { return host_.LeaderOf(shard); }
  // Empty when the node has no replica.
  raft::RaftStatus Raft(NodeIndex node) const;
  Term TermOf(NodeIndex node) const { return Raft(node).term; }
  Term NewestTerm() const;
  uint64_t LogBytes(NodeIndex node) const;
  // Of the log that the replica holds.
  uint64_t LogEntries(NodeIndex node) const;
  // How often nodes have logged it.
  uint64_t Seen(const std::string& event) const;
  // Of the one shard since the cluster was founded, as far as was seen.
  size_t leaders_seen() const;

  // --- Members. Each goes on until it is done.
  void Add(NodeIndex node);  // as a learner
  void Promote(NodeIndex node);
  void Join(NodeIndex node);         // both
  void BecomeVoter(NodeIndex node);  // whatever is missing, and again if it is undone
  void Remove(NodeIndex node);
  void Transfer(NodeIndex target);
  // Asks one node once; nullopt when it has not said within `limit` what became of it.
  std::optional<absl::Status> TryChange(NodeIndex at, const raft::ConfigurationChange& change,
                                        Duration limit = std::chrono::seconds(5));
  bool IsVoter(NodeIndex node) const;

  // --- Clients.
  ScenarioClient& NewClient();
  ScenarioClient& NewClientOf(const std::vector<NodeIndex>& nodes);
  std::vector<ScenarioClient*> NewWorkers(size_t count, const Work& work);
  // Waits for what workers are doing, a test failure when one of them gets no answer.
  void StopWorkers();
  // What one node says, asked once; nullopt without an answer, a failed one included.
  std::optional<node::ReadReply> ReadAt(NodeIndex node, const std::string& key,
                                        node::ReadLevel level, Duration limit);
  uint64_t Succeeded() const;  // of all clients' operations
  // Under no session. `key` gets a value that nothing else has.
  std::shared_ptr<OneWrite> WriteOnce(NodeIndex at, const std::string& key);
  // To keys `prefix`0 and so on, so that each becomes an entry of its own in that node's log.
  OneWrites WriteManyOnce(NodeIndex at, int count, const std::string& prefix);

  // --- The end. Running members have applied all that there is, and hold the same rows.
  bool Agree() const;
  void AwaitAgreement(Duration limit = std::chrono::seconds(60));
  // Replicas of a shard that have applied equally much hold the same; some have.
  void CompareStates(ShardId shard);

  // The way to nodes, for requests that no client makes.
  void Write(NodeIndex at, node::WriteRequest request, Duration timeout,
             std::function<void(const node::WriteReply&)> done) override;
  void Read(NodeIndex at, node::ReadRequest request, Duration timeout,
            std::function<void(const node::ReadReply&)> done) override;
  SimWorld& world() override { return world_; }

 protected:
  SimNetwork& network() { return network_; }
  RunRecord& record() { return record_; }

 private:
  template <typename Reply, typename Request, typename Serve>
  void Send(NodeIndex at, Request request, Duration timeout, std::function<void(const Reply&)> done,
            Serve serve);
  void Record(Operation operation) override;
  uint32_t NewProcess() override { return next_process_++; }
  bool Step();
  void Inspect();
  void InspectReplica(NodeIndex node, const node::ReplicaStatus& replica);
  void OnStopped(NodeIndex node, const absl::Status& why);
  void Change(const raft::ConfigurationChange& change, const std::function<bool()>& is_done);
  void Judge() const;

  const uint64_t seed_;
  const ScenarioOptions options_;
  SimWorld world_;
  RunRecord record_;
  Random random_;
  Random client_random_;
  SimNetwork network_;
  Traffic traffic_;
  ClusterHost host_;
  std::set<NodeIndex> excused_;
  std::map<NodeIndex, absl::Status> stopped_;
  std::map<std::pair<ShardId, Term>, NodeIndex> leaders_;
  std::map<std::string, std::vector<Operation>> history_;  // by key
  uint32_t next_process_ = 0;
  std::vector<std::unique_ptr<ScenarioClient>> clients_;
  OneWrites one_writes_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_H_

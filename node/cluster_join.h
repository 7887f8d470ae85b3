// How a node finds its cluster: the same start forms a new one, rejoins after a restart, and joins
// as a new node, whatever the order in which nodes start (etcd#2780, #13453: bootstrap must be
// idempotent).
//
// A cluster is formed once: by the listed node with the lowest id, after *every* listed address has
// answered "empty" with the same list, all within seconds. Everybody else adopts what it hears. Who
// the founders are is durable before any of them can vote.
#ifndef FLOTILLA_NODE_CLUSTER_JOIN_H_
#define FLOTILLA_NODE_CLUSTER_JOIN_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/logger.h"
#include "base/random.h"
#include "node/data_folder.h"
#include "node/peer_transport.h"

namespace flotilla::node {

class ClusterJoin {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The node belongs to a cluster, and the folder says so durably. Called once, later than Start.
    virtual void OnJoined() = 0;
    // Where a peer is, as it said itself; again whenever that changes.
    virtual void OnPeerAddress(const NodeAddress& peer) = 0;
    virtual bool IsConnected(NodeId peer) const = 0;
    // Where nodes of the cluster are, as the directory says.
    virtual std::vector<std::string> ListedAddresses() const = 0;
    // This node can never join: its disk was wiped, it is another cluster's, or the folder cannot
    // be written.
    virtual void OnJoinFailed(absl::Status status) = 0;
  };

  // `hello` says what to tell peers; its cluster and founders are filled in here.
  ClusterJoin(Hello hello, DataFolder& folder, Clock& clock, Executor& executor,
              PeerTransport& transport, Logger& logger, Random random, Listener& listener);
  ~ClusterJoin();

  // Begins to ask around, and goes on for life: peers that are not connected may have moved.
  void Start();

  bool joined() const { return !folder_.identity().cluster.is_none(); }
  // What it waits for, in words, for an operator.
  std::string Describe() const;

  Hello LocalHello() const;
  // A peer says hello and gets ours; an empty node learns its cluster this way too.
  absl::StatusOr<Hello> OnExchange(const Hello& peer);
  // Whether a peer may open a stream to us.
  absl::Status CheckPeer(const Hello& peer) const;

 private:
  struct Question {
    uint64_t round = 0;
    MonoTime asked_at;
  };

  void AskAround();
  void OnReply(const Question& question, const std::string& address,
               absl::StatusOr<std::string> reply);
  void OnRefused(const std::string& address, const std::string& why);
  void Learn(const Hello& peer);
  void Adopt(const Hello& peer);
  void MaybeForm();
  bool AllListedAreEmpty(std::map<NodeId, NodeAddress>& founders);
  void Save(ClusterId cluster, std::vector<NodeAddress> founders, const FoundingPlan& plan);
  void Fail(absl::Status status);

  const Hello hello_;
  DataFolder& folder_;
  Clock& clock_;
  Executor& executor_;
  PeerTransport& transport_;
  Logger& logger_;
  Random random_;
  Listener& listener_;

  // One round asks every address once. Answers count for forming for some seconds, whatever the
  // round: from far away they come when the next ones have begun.
  uint64_t round_ = 0;
  struct Answer {
    Hello hello;
    MonoTime asked_at;
  };
  std::map<std::string, Answer> answers_;
  std::set<std::string> refusals_;
  std::map<NodeId, NodeAddress> peers_;
  // Addresses that peers named, to be asked in the next round.
  std::set<std::string> hearsay_;
  std::string last_refusal_;
  TimerId timer_ = 0;
  bool failed_ = false;
  // Guards callbacks that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_CLUSTER_JOIN_H_

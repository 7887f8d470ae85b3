// Whether a cluster is well, and what it can still bear, from what its nodes say.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "flotilla/cluster_status.h"

namespace flotilla {
inline namespace client_v1 {

namespace {

// A follower of a busy shard is always some entries behind.
constexpr uint64_t kLagEntriesMax = 1000;

std::string NameOf(uint64_t node) { return "node " + std::to_string(node); }

std::string ShardsInWords(const std::vector<uint64_t>& shards) {
  constexpr size_t kNamedMax = 8;
  if (shards.size() == 1) {
    return shards[0] == 0 ? "the directory" : "shard " + std::to_string(shards[0]);
  }
  std::string text = "shards";
  for (size_t i = 0; i < std::min(shards.size(), kNamedMax); ++i) {
    text += (i == 0 ? " " : ", ") +
            (shards[i] == 0 ? std::string("the directory") : std::to_string(shards[i]));
  }
  if (shards.size() > kNamedMax) {
    text += " and " + std::to_string(shards.size() - kNamedMax) + " more";
  }
  return text;
}

std::string Replicas(uint64_t count) {
  return count == 1 ? "1 replica" : std::to_string(count) + " replicas";
}

bool IsVoter(const ShardReplica& replica) { return replica.role != "learner"; }

bool IsLive(const ClusterNode& node) { return node.state != "down"; }

// Collects what is wrong; the same thing with many shards is one problem.
class Examination {
 public:
  explicit Examination(const ClusterStatus& cluster)
      : cluster_(cluster), directory_(cluster.directory()) {
    for (ClusterNode& node : cluster.members()) nodes_[node.node_id] = std::move(node);
    for (const NodeStatus& node : cluster.nodes) {
      if (node.status.ok()) answers_[node.node_id] = &node;
    }
  }

  ClusterHealth Run() {
    if (answers_.empty()) {
      AddSilence();
      return Finish();
    }
    ExamineDirectory();
    std::vector<ShardStatus> shards = cluster_.shards();
    ExamineRing();
    if (auto directory = cluster_.directory_shard(); directory.has_value()) {
      shards.push_back(*std::move(directory));
    }
    for (const ShardStatus& shard : shards) ExamineShard(shard);
    for (const auto& [node_id, node] : nodes_) ExamineNode(node);
    return Finish();
  }

 private:
  struct Finding {
    std::string kind;
    uint64_t node_id = 0;
    std::string text;
    auto operator<=>(const Finding&) const = default;
  };

  void Add(std::string kind, uint64_t node_id, std::string text) {
    health_.problems.push_back({std::move(kind), std::move(text), {}, node_id});
  }
  void AddOfShard(uint64_t shard, std::string kind, uint64_t node_id, std::string text) {
    of_shards_[{std::move(kind), node_id, std::move(text)}].push_back(shard);
  }

  void AddSilence() {
    unavailable_ = true;
    if (cluster_.nodes.empty()) return Add("no_answer", 0, "no node is known");
    Add("no_answer", 0, "no node answers: " + cluster_.nodes.front().status.message());
  }

  void ExamineDirectory() {
    if (directory_.from_leader) return;
    Add("directory_unknown", 0,
        "the directory's leader does not answer: nothing is moved or repaired, and who is silent "
        "is "
        "not known");
    if (!cluster_.directory_shard().has_value()) Tolerate(0);
  }

  void ExamineRing() {
    if (cluster_.knows_all_shards()) return;
    unavailable_ = true;
    Add("slots_unknown", 0, "no node that answers has a replica of some slots");
  }

  // The leader may not have heard of a member since it was elected; who follows it is heard soon.
  bool FollowsLeader(uint64_t node, const ShardStatus& shard) const {
    const auto answer = answers_.find(node);
    if (answer == answers_.end() || shard.leader_node_id == 0) return false;
    const auto follows = [&](const ReplicaStatus& replica) {
      return replica.failure.empty() && replica.leader_node_id == shard.leader_node_id;
    };
    if (shard.shard_id == 0) {
      const auto& replica = answer->second->directory.replica;
      return replica.has_value() && follows(*replica);
    }
    const auto& replicas = answer->second->replicas;
    return std::any_of(replicas.begin(), replicas.end(), [&](const ReplicaStatus& replica) {
      return replica.shard_id == shard.shard_id && follows(replica);
    });
  }

  bool IsLiveVoter(const ShardReplica& replica, const ShardStatus& shard) const {
    const auto node = nodes_.find(replica.node_id);
    if (node != nodes_.end() && !IsLive(node->second)) return false;
    if (replica.state == "failed") return false;
    return replica.state != "silent" || FollowsLeader(replica.node_id, shard);
  }

  void ExamineShard(const ShardStatus& shard) {
    uint64_t voters = 0;
    uint64_t live = 0;
    for (const ShardReplica& replica : shard.replicas) {
      if (!IsVoter(replica)) continue;
      ++voters;
      if (IsLiveVoter(replica, shard)) ++live;
      ExamineVoter(replica, shard);
    }
    const uint64_t majority = voters / 2 + 1;
    Tolerate(live >= majority ? live - majority : 0);
    // Without its directory a cluster serves on.
    const bool serves = live >= majority && shard.leader_node_id != 0;
    if (!serves && shard.shard_id != 0) unavailable_ = true;
    const std::string of_voters =
        std::to_string(live) + " of " + std::to_string(voters) + " voters live";
    if (live < majority) {
      AddOfShard(shard.shard_id, "shard_without_quorum", 0, "no majority, " + of_voters);
    } else if (shard.leader_node_id == 0) {
      AddOfShard(shard.shard_id, "shard_without_leader", 0, "no leader that answers, " + of_voters);
    } else if (live < voters) {
      AddOfShard(shard.shard_id, "shard_short_of_voters", 0, of_voters);
    } else if (voters < WantedVoters()) {
      AddOfShard(shard.shard_id, "shard_short_of_voters", 0,
                 std::to_string(voters) + " voters, " + std::to_string(WantedVoters()) + " wanted");
    }
  }

  void ExamineVoter(const ShardReplica& replica, const ShardStatus& shard) {
    const std::string on = " on " + NameOf(replica.node_id);
    if (replica.state == "failed") {
      AddOfShard(shard.shard_id, "replica_failed", replica.node_id,
                 "the replica" + on + " stopped itself" + WhyFailed(replica, shard));
    }
    const bool live = IsLiveVoter(replica, shard);
    if (live && replica.state == "snapshot") {
      AddOfShard(shard.shard_id, "replica_lagging", replica.node_id,
                 "the replica" + on + " is being sent a snapshot");
    } else if (live && replica.lag.value_or(0) > kLagEntriesMax) {
      AddOfShard(shard.shard_id, "replica_lagging", replica.node_id,
                 "the replica" + on + " is more than " + std::to_string(kLagEntriesMax) +
                     " entries behind");
    }
  }

  std::string WhyFailed(const ShardReplica& replica, const ShardStatus& shard) const {
    const auto answer = answers_.find(replica.node_id);
    if (answer == answers_.end()) return "";
    for (const ReplicaStatus& known : answer->second->replicas) {
      if (known.shard_id == shard.shard_id) return ": " + known.failure;
    }
    return "";
  }

  // A cluster with fewer nodes than that has fewer replicas.
  uint64_t WantedVoters() const {
    const auto places = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) {
      return node.second.duty == "serve" && node.second.weight > 0 && IsLive(node.second);
    });
    return std::min<uint64_t>(directory_.replicas_wanted, static_cast<uint64_t>(places));
  }

  void ExamineNode(const ClusterNode& node) {
    const uint64_t held = node.replicas + (node.directory_role.empty() ? 0 : 1);
    const std::string name = NameOf(node.node_id);
    if (node.state == "down" && (node.duty == "serve" || held > 0)) {
      std::string text = name + " is down";
      if (node.down_seconds.has_value()) {
        text += " for " + std::to_string(static_cast<uint64_t>(*node.down_seconds)) + " s";
      }
      Add("node_down", node.node_id, text);
    }
    if (node.state == "unreachable") {
      Add("node_unreachable", node.node_id,
          name + " does not answer here, at " + node.client_address +
              ", though others are connected to it");
    }
    if ((node.state == "draining" || node.state == "leaving") && held > 0) {
      Add("node_draining", node.node_id,
          name + " is " + node.state + ": " + Replicas(held) + " left");
    }
    const auto answer = answers_.find(node.node_id);
    if (answer == answers_.end()) return;
    const NodeStatus& status = *answer->second;
    if (directory_.from_leader && node.duty.empty() && status.phase == "serving") {
      Add("node_not_listed", node.node_id,
          name + " has not reported to the directory yet, or was refused");
    }
    // One without a replica has nothing to be ready for.
    if (!status.ready && (held > 0 || status.phase != "serving")) {
      Add("node_not_ready", node.node_id,
          name + " is not ready: " + status.phase +
              (status.detail.empty() ? "" : ", " + status.detail));
    }
    if (status.disk_full) Add("disk_full", node.node_id, "the disk of " + name + " is full");
  }

  void Tolerate(uint64_t failures) {
    tolerated_ = std::min(tolerated_.value_or(failures), failures);
  }

  ClusterHealth Finish() {
    std::vector<HealthProblem> all;
    for (const auto& [finding, shards] : of_shards_) {
      all.push_back(
          {finding.kind, ShardsInWords(shards) + ": " + finding.text, shards, finding.node_id});
    }
    // What is not served before who is the cause.
    all.insert(all.end(), health_.problems.begin(), health_.problems.end());
    health_.problems = std::move(all);
    health_.state = health_.problems.empty() ? "healthy" : "degraded";
    if (unavailable_) health_.state = "unavailable";
    health_.failures_tolerated = unavailable_ ? 0 : tolerated_.value_or(0);
    health_.steps = directory_.steps;
    return std::move(health_);
  }

  const ClusterStatus& cluster_;
  const DirectoryStatus directory_;
  std::map<uint64_t, ClusterNode> nodes_;
  std::map<uint64_t, const NodeStatus*> answers_;
  std::map<Finding, std::vector<uint64_t>> of_shards_;
  ClusterHealth health_;
  bool unavailable_ = false;
  std::optional<uint64_t> tolerated_;
};

}  // namespace

ClusterHealth ClusterStatus::health() const { return Examination(*this).Run(); }

}  // namespace client_v1
}  // namespace flotilla

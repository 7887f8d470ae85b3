#include "client/shard_admin.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace flotilla::client {

namespace {

constexpr Duration kBetweenLooks = std::chrono::milliseconds(200);
// A node may send us to one that knows better; two that point at each other are asked again later.
constexpr int kMaxRedirects = 3;

std::string Name(uint64_t shard) { return "shard " + std::to_string(shard); }

std::optional<ShardStatus> Find(const ClusterStatus& cluster, uint64_t shard) {
  for (ShardStatus& known : cluster.shards()) {
    if (known.shard_id == shard) return std::move(known);
  }
  return std::nullopt;
}

bool AllAnswer(const ClusterStatus& cluster) {
  return std::all_of(cluster.nodes.begin(), cluster.nodes.end(),
                     [](const NodeStatus& node) { return node.status.ok(); });
}

std::string EndpointOf(const ClusterStatus& cluster, uint64_t node) {
  for (const NodeStatus& known : cluster.nodes) {
    if (known.status.ok() && known.node_id == node) return known.endpoint;
  }
  return "";
}

// Of a shard that nobody leads, or that nobody who answers knows.
Status NoLeader(const ClusterStatus& cluster, const std::optional<ShardStatus>& shard,
                uint64_t id) {
  if (shard.has_value()) {
    return Status(StatusCode::kUnavailable, Name(id) + " has no leader now", reason::kNoLeader);
  }
  if (AllAnswer(cluster)) {
    return Status(StatusCode::kNotFound, "there is no " + Name(id));
  }
  return Status(StatusCode::kUnavailable,
                "no node that answers has a replica of " + Name(id) + "; others do not answer",
                reason::kUnreachable);
}

bool HasVote(uint64_t node, const ShardStatus& shard) {
  return std::any_of(shard.replicas.begin(), shard.replicas.end(),
                     [node](const ShardReplica& replica) {
                       return replica.node_id == node && replica.role != "learner";
                     });
}

ShardArc ArcOf(const ShardStatus& shard) {
  return {shard.shard_id, shard.shard_version, shard.first_slot, shard.last_slot};
}

struct Halves {
  SplitResult arcs;
  bool child_is_led = false;
};

// What the shard was cut into; none while nobody knows of the new shard.
std::optional<Halves> FindHalves(const ClusterStatus& cluster, const ShardCut& cut) {
  const std::optional<ShardStatus> shard = Find(cluster, cut.shard);
  if (!shard.has_value() || shard->last_slot >= cut.at) return std::nullopt;
  for (const ShardStatus& other : cluster.shards()) {
    const bool is_child = other.first_slot == cut.at && other.shard_version != 0;
    if (is_child) return Halves{{ArcOf(*shard), ArcOf(other)}, other.leader_node_id != 0};
  }
  return std::nullopt;
}

}  // namespace

bool MayPass(const Status& status) {
  switch (status.code()) {
    case StatusCode::kUnavailable:
    case StatusCode::kAborted:
    case StatusCode::kDeadlineExceeded:
    case StatusCode::kResourceExhausted:
      return true;
    case StatusCode::kFailedPrecondition:
      return status.reason() == "NOT_LEADER" || status.reason() == reason::kNoLeader;
    default:
      return false;
  }
}

ShardAdmin::ShardAdmin(AdminOptions options, std::unique_ptr<AdminChannel> channel)
    : options_(std::move(options)), channel_(std::move(channel)) {}

Status ShardAdmin::Rest(const Patience& patience, uint64_t shard, const std::string& what) {
  if (channel_->Now() >= patience.until) {
    if (patience.last_error.ok()) return Status(StatusCode::kDeadlineExceeded, "gave up: " + what);
    Status::Fields fields;
    fields.code = patience.last_error.code();
    fields.message = "gave up; the last try: " + patience.last_error.message();
    fields.reason = patience.last_error.reason();
    fields.details = patience.last_error.details();
    return Status(std::move(fields));
  }
  if (options_.on_progress) options_.on_progress({shard, what});
  channel_->Pause(kBetweenLooks);
  return Status();
}

AdminReply ShardAdmin::CallLeader(const ClusterStatus& cluster, uint64_t leader, const Call& call) {
  std::string endpoint = EndpointOf(cluster, leader);
  AdminReply reply;
  reply.status = Status(StatusCode::kUnavailable, "the leader does not answer");
  for (int redirects = 0; redirects <= kMaxRedirects && !endpoint.empty(); ++redirects) {
    reply = call(endpoint);
    if (reply.status.ok() || reply.leader_endpoint == endpoint) return reply;
    endpoint = reply.leader_endpoint;
  }
  return reply;
}

Status ShardAdmin::TransferLeadership(uint64_t id, uint64_t node) {
  Patience patience = NewPatience();
  while (true) {
    const ClusterStatus cluster = channel_->Describe();
    const std::optional<ShardStatus> shard = Find(cluster, id);
    std::string what = Name(id) + " has no leader now";
    if (!shard.has_value() || shard->leader_node_id == 0) {
      patience.last_error = NoLeader(cluster, shard, id);
      if (IsNotFound(patience.last_error)) return patience.last_error;
    } else if (shard->leader_node_id == node) {
      return Status();
    } else if (!HasVote(node, *shard)) {
      return Status(StatusCode::kFailedPrecondition,
                    "node " + std::to_string(node) + " has no vote in " + Name(id));
    } else {
      what = "changing the leader of " + Name(id);
      // That a transfer was begun does not say that it will succeed.
      patience.last_error =
          CallLeader(cluster, shard->leader_node_id, [&](const std::string& endpoint) {
            return channel_->TransferLeadership(endpoint, id, node);
          }).status;
      if (patience.last_error.code() == StatusCode::kInvalidArgument) return patience.last_error;
    }
    if (Status late = Rest(patience, id, what); !late.ok()) return late;
  }
}

StatusOr<ShardCut> ShardAdmin::PlanSplit(uint64_t id, const SplitOptions& options) {
  Patience patience = NewPatience();
  while (true) {
    const ClusterStatus cluster = channel_->Describe();
    const std::optional<ShardStatus> shard = Find(cluster, id);
    if (shard.has_value() && shard->leader_node_id != 0) {
      if (options.at.has_value()) return ShardCut{id, *options.at};
      if (shard->first_slot < shard->last_slot) {
        return ShardCut{id, (shard->first_slot + shard->last_slot + 1) / 2};
      }
      return Status(StatusCode::kInvalidArgument, Name(id) + " is one slot, which cannot be split",
                    reason::kInvalidRequest);
    }
    patience.last_error = NoLeader(cluster, shard, id);
    if (IsNotFound(patience.last_error)) return patience.last_error;
    if (Status late = Rest(patience, id, Name(id) + " has no leader now"); !late.ok()) return late;
  }
}

StatusOr<SplitResult> ShardAdmin::SplitShard(uint64_t id, SplitOptions options) {
  const StatusOr<ShardCut> cut = PlanSplit(id, options);
  if (!cut.ok()) return cut.status();
  const AdminReply begun = AskDirectory(
      [&](const std::string& endpoint) { return channel_->BeginSplit(endpoint, *cut); });
  if (begun.status.ok()) {
    if (Status ended = AwaitOperation(begun.operation_id, id); !ended.ok()) return ended;
  } else if (!FindHalves(channel_->Describe(), *cut).has_value()) {
    return begun.status;
  }
  // Else an earlier try has done it, and only its answer was lost.
  return AwaitHalves(*cut);
}

// A new shard has its first leader within moments. If not, the split has happened all the same.
StatusOr<SplitResult> ShardAdmin::AwaitHalves(const ShardCut& cut) {
  const Patience patience = NewPatience();
  while (true) {
    const std::optional<Halves> halves = FindHalves(channel_->Describe(), cut);
    if (halves.has_value() && halves->child_is_led) return halves->arcs;
    Status late = Rest(patience, cut.shard, "the new shard has no leader yet");
    if (late.ok()) continue;
    if (halves.has_value()) return halves->arcs;
    return late;
  }
}

}  // namespace flotilla::client

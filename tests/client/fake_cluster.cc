#include "tests/client/fake_cluster.h"

#include <algorithm>
#include <utility>

#include "sharding/slot.h"

namespace flotilla::client {

// Its state is shared with the messages that are on their way: they outlive it.
class FakeConnection final : public KvConnection {
 public:
  FakeConnection(FakeCluster& cluster, VirtualTime& time, std::string endpoint,
                 KvConnectionEvents& events)
      : cluster_(cluster), time_(time), endpoint_(std::move(endpoint)), events_(events) {
    cluster_.connections_.insert(this);
    Later([this] {
      const FakeCluster::Node& node = cluster_.nodes_[endpoint_];
      if (!node.alive) return Close("connection refused");
      if (!node.isolated) events_.OnOpen();
    });
    // As the port demands: a connection that does not come to stand is reported.
    After(std::chrono::seconds(1), [this] {
      if (cluster_.nodes_[endpoint_].isolated) Close("connect timeout");
    });
  }
  ~FakeConnection() override {
    *alive_ = false;
    cluster_.connections_.erase(this);
  }

  void Send(std::span<const OutgoingOperation> batch) override {
    ++cluster_.messages_;
    size_t bytes = 0;
    for (const OutgoingOperation& out : batch) bytes += PayloadBytes(*out.operation);
    const Duration transfer = Occupy(up_free_at_, bytes);
    for (const OutgoingOperation& out : batch) {
      Received received{endpoint_,    time_.Now(),           *out.operation,
                        out.shard,    out.shard_version,     std::string(out.session_token),
                        out.sequence, out.acknowledged_below};
      After(transfer + kHop, [this, id = out.id, received = std::move(received)] {
        if (!cluster_.nodes_[endpoint_].isolated) cluster_.Arrive(*this, received, id);
      });
    }
    After(transfer + kHop, [this] { events_.OnSent(); });
  }

  void RequestShardMap(Duration timeout) override {
    ++cluster_.map_requests_;
    if (cluster_.nodes_[endpoint_].isolated) {
      After(timeout, [this] {
        events_.OnShardMap(Status(StatusCode::kDeadlineExceeded, "no map", "DEADLINE_EXCEEDED"));
      });
    } else {
      Later([this] { events_.OnShardMap(cluster_.MapOf(endpoint_)); });
    }
  }

  void Answer(uint64_t id, std::variant<Result, ServerError> outcome) {
    size_t bytes = 0;
    if (const auto* result = std::get_if<Result>(&outcome)) {
      if (const auto* get = std::get_if<GetResult>(result)) bytes = get->value.size();
    }
    After(Occupy(down_free_at_, bytes) + kHop, [this, id, outcome = std::move(outcome)] {
      if (cluster_.nodes_[endpoint_].isolated) return;
      std::vector<Reply> replies;
      replies.push_back({id, outcome});
      events_.OnReplies(std::move(replies));
    });
  }

  void Close(const std::string& why) {
    events_.OnClosed(
        Status(StatusCode::kUnavailable, endpoint_ + ": " + why, reason::kUnreachable));
  }
  void Later(std::function<void()> task) { After(kHop, std::move(task)); }
  void After(Duration delay, std::function<void()> task) {
    time_.PostAt(time_.Now() + delay, [alive = alive_, task = std::move(task)] {
      if (*alive) task();
    });
  }
  const std::string& endpoint() const { return endpoint_; }

 private:
  // How long until the line has brought over these bytes, behind those before them.
  Duration Occupy(MonoTime& free_at, size_t bytes) {
    if (cluster_.bytes_per_second == 0) return Duration(0);
    free_at = std::max(free_at, time_.Now()) +
              Duration(std::chrono::seconds(1)) * bytes / cluster_.bytes_per_second;
    return free_at - time_.Now();
  }

  FakeCluster& cluster_;
  VirtualTime& time_;
  const std::string endpoint_;
  KvConnectionEvents& events_;
  MonoTime up_free_at_{};
  MonoTime down_free_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

FakeCluster::FakeCluster(VirtualTime& time, std::vector<std::string> endpoints) : time_(time) {
  leader = endpoints.front();
  for (const std::string& endpoint : endpoints) nodes_[endpoint];
  shards.push_back({{ShardId(1), sharding::Arc{}, 1}, ""});
}

std::unique_ptr<KvConnection> FakeCluster::Connect(const std::string& endpoint,
                                                   KvConnectionEvents& events) {
  ++nodes_[endpoint].connects;
  return std::make_unique<FakeConnection>(*this, time_, endpoint, events);
}

void FakeCluster::Kill(const std::string& endpoint) {
  nodes_[endpoint].alive = false;
  for (FakeConnection* connection : connections_) {
    if (connection->endpoint() == endpoint) {
      connection->Later([connection] { connection->Close("connection reset"); });
    }
  }
}

void FakeCluster::Revive(const std::string& endpoint) { nodes_[endpoint].alive = true; }
void FakeCluster::Isolate(const std::string& endpoint) { nodes_[endpoint].isolated = true; }
void FakeCluster::Heal(const std::string& endpoint) { nodes_[endpoint].isolated = false; }

size_t FakeCluster::connects(const std::string& endpoint) const {
  return nodes_.at(endpoint).connects;
}

std::string FakeCluster::ValueOf(const std::string& key) const {
  auto found = rows_.find(key);
  return found == rows_.end() ? "" : found->second;
}

bool FakeCluster::HasReplica(const std::string& endpoint, ShardId shard) const {
  const auto only = replicas_only_of.find(endpoint);
  return only == replicas_only_of.end() || only->second.contains(shard);
}

ShardMap FakeCluster::MapOf(const std::string& asked) const {
  ShardMap map;
  for (const ShardRoute& route : shards) {
    if (HasReplica(asked, route.descriptor.shard)) map.shards.push_back(route);
  }
  for (ShardRoute& route : map.shards) route.leader_endpoint = Believed();
  for (const auto& [endpoint, node] : nodes_) map.endpoints.push_back(endpoint);
  return map;
}

void FakeCluster::Arrive(FakeConnection& connection, const Received& received, uint64_t id) {
  if (!nodes_[received.endpoint].alive) return;
  received_.push_back(received);
  received_.back().at = time_.Now();
  const bool plain = !std::holds_alternative<OpenSession>(received.operation);
  if (plain && lose_requests_ > 0) {
    --lose_requests_;
    return;
  }
  auto& refusals = plain ? refusals_ : open_refusals_;
  if (!refusals.empty()) {
    connection.Answer(id, std::move(refusals.front()));
    refusals.pop_front();
    return;
  }
  auto outcome = Handle(received);
  if (plain && lose_replies_ > 0) {
    --lose_replies_;
    return;
  }
  if (plain && break_after_apply_ > 0) {
    --break_after_apply_;
    connection.Later([&connection] { connection.Close("connection reset"); });
    return;
  }
  connection.Answer(id, std::move(outcome));
}

std::optional<ServerError> FakeCluster::RouteError(const Received& received) const {
  if (!received.shard.is_none() && !HasReplica(received.endpoint, received.shard)) {
    return ServerError{StatusCode::kFailedPrecondition,
                       Reason::kWrongShard,
                       Outcome::kNotApplied,
                       "no replica",
                       Duration(0),
                       std::nullopt};
  }
  const bool leads = received.endpoint == leader;
  const bool forwards = followers_forward && !leader.empty() && nodes_.at(leader).alive &&
                        !nodes_.at(leader).isolated;
  if (leads || forwards) return std::nullopt;
  ServerError error;
  error.code = StatusCode::kUnavailable;
  error.outcome = Outcome::kNotApplied;
  const std::string believed = Believed();
  error.reason = believed.empty() ? Reason::kNoLeader : Reason::kNotLeader;
  error.message = "shard 1 is not led here";
  if (!believed.empty())
    error.route = RouteHint{ShardId(1), shards.front().descriptor.version, believed};
  return error;
}

std::variant<Result, ServerError> FakeCluster::Handle(const Received& received) {
  if (auto error = RouteError(received)) return *std::move(error);
  if (before_execute != nullptr) before_execute(received);
  for (const ShardRoute& route : shards) {
    if (received.shard == route.descriptor.shard && !Owns(route, received)) {
      return ServerError{StatusCode::kFailedPrecondition,
                         Reason::kWrongShard,
                         Outcome::kNotApplied,
                         "wrong shard",
                         Duration(0),
                         std::nullopt};
    }
  }
  return Apply(received);
}

std::variant<Result, ServerError> FakeCluster::Apply(const Received& received) {
  if (std::holds_alternative<OpenSession>(received.operation)) {
    const std::string token = "session" + std::to_string(++sessions_opened_);
    sessions_[token];
    return Result(OpenSessionResult{token});
  }
  if (!IsWrite(received.operation)) return Execute(received);
  auto found = sessions_.find(received.token);
  if (found == sessions_.end()) {
    return ServerError{StatusCode::kFailedPrecondition,
                       Reason::kSessionUnknown,
                       Outcome::kNotApplied,
                       "session unknown",
                       Duration(0),
                       std::nullopt};
  }
  Session& session = found->second;
  session.acknowledged_below = std::max(session.acknowledged_below, received.acknowledged_below);
  session.results.erase(session.results.begin(),
                        session.results.lower_bound(session.acknowledged_below));
  if (received.sequence < session.acknowledged_below) {
    return ServerError{StatusCode::kFailedPrecondition,
                       Reason::kSequenceForgotten,
                       Outcome::kUnknown,
                       "forgotten",
                       Duration(0),
                       std::nullopt};
  }
  auto replay = session.results.find(received.sequence);
  if (replay != session.results.end()) return replay->second;
  if (session.results.size() >= session_limit) {
    return ServerError{StatusCode::kResourceExhausted,
                       Reason::kSessionWindowFull,
                       Outcome::kNotApplied,
                       "window full",
                       Duration(0),
                       std::nullopt};
  }
  Result result = Execute(received);
  session.results.emplace(received.sequence, result);
  return result;
}

Result FakeCluster::Execute(const Received& received) {
  const Operation& operation = received.operation;
  if (const auto* get = std::get_if<BatchGet>(&operation)) return ExecuteBatchGet(*get);
  if (const auto* scan = std::get_if<Scan>(&operation)) {
    return ExecuteScan(*scan, ArcOf(received.shard));
  }
  if (const auto* get = std::get_if<Get>(&operation)) {
    GetResult result;
    result.key = get->key;
    result.value = ValueOf(get->key);
    result.version = rows_.contains(get->key) ? revision_ : 0;
    return result;
  }
  ++revision_;
  if (const auto* range = std::get_if<DeleteRange>(&operation)) {
    return ExecuteDeleteRange(*range, ArcOf(received.shard));
  }
  if (const auto* increment = std::get_if<Increment>(&operation)) {
    const std::string before = ValueOf(increment->key);
    const int64_t value = (before.empty() ? 0 : std::stoll(before)) + increment->delta;
    rows_[increment->key] = std::to_string(value);
    return IncrementResult{value, revision_};
  }
  const auto& put = std::get<Put>(operation);
  rows_[put.key] = put.value;
  return PutResult{revision_};
}

}  // namespace flotilla::client

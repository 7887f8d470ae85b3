// A cluster behind a KvChannel, in virtual time: shards that keep counters, ranges and exactly-once
// sessions as the real ones do, and every way in which a network and nodes can fail.
#ifndef FLOTILLA_TESTS_CLIENT_FAKE_CLUSTER_H_
#define FLOTILLA_TESTS_CLIENT_FAKE_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/kv_channel.h"
#include "tests/client/virtual_time.h"

namespace flotilla::client {

inline constexpr Duration kHop = std::chrono::milliseconds(1);

// An operation as it arrived.
struct Received {
  std::string endpoint;
  MonoTime at;
  Operation operation;
  ShardId shard;
  uint64_t shard_version = 0;
  std::string token;
  uint64_t sequence = 0;
  uint64_t acknowledged_below = 0;
};

class FakeCluster final : public KvChannel {
 public:
  FakeCluster(VirtualTime& time, std::vector<std::string> endpoints);

  std::unique_ptr<KvConnection> Connect(const std::string& endpoint,
                                        KvConnectionEvents& events) override;

  // Who leads; empty: nobody.
  std::string leader;
  // What the shard map and routes say, where that differs from the truth.
  std::optional<std::string> believed_leader;
  // Whether a node that does not lead forwards (and answers), or refuses with a route.
  bool followers_forward = false;
  // The arcs of the map; one over the whole ring unless a test sets others.
  std::vector<ShardRoute> shards;
  // Nodes that have replicas of these shards only: they neither serve nor know the others.
  std::map<std::string, std::set<ShardId>> replicas_only_of;
  // Of each connection and direction; 0: no limit. Only whole messages arrive.
  size_t bytes_per_second = 0;
  size_t session_limit = 1000;  // results that a session holds

  // The process died: connections break, new ones are refused.
  void Kill(const std::string& endpoint);
  void Revive(const std::string& endpoint);
  // Packets vanish in both directions; nothing ever breaks by itself.
  void Isolate(const std::string& endpoint);
  void Heal(const std::string& endpoint);

  // One shot each, for the next operation that is not an OpenSession.
  void LoseNextRequest() { ++lose_requests_; }
  void LoseNextReply() { ++lose_replies_; }
  void BreakAfterNextApply() { ++break_after_apply_; }
  void RefuseNext(ServerError error) { refusals_.push_back(std::move(error)); }
  void RefuseNextOpenSession(ServerError error) { open_refusals_.push_back(std::move(error)); }
  void ExpireSessions() { sessions_.clear(); }

  const std::vector<Received>& received() const { return received_; }
  size_t messages() const { return messages_; }
  size_t map_requests() const { return map_requests_; }
  size_t sessions_opened() const { return sessions_opened_; }
  size_t connects(const std::string& endpoint) const;
  // Cuts a shard in two; the map that clients have is out of date then.
  void Split(ShardId shard, sharding::Slot at, ShardId child);
  // Of a page of a scan that a shard answers.
  size_t max_page_rows = 1000;
  // Runs before each operation is carried out.
  std::function<void(const Received&)> before_execute;

  // The value of a key, "" if there is none.
  std::string ValueOf(const std::string& key) const;
  // How often writes were carried out, replays not counted.
  uint64_t applied() const { return revision_; }

 private:
  friend class FakeConnection;
  struct Node {
    bool alive = true;
    bool isolated = false;
    size_t connects = 0;
  };
  struct Session {
    uint64_t acknowledged_below = 1;
    std::map<uint64_t, Result> results;
  };

  void Arrive(class FakeConnection& connection, const Received& received, uint64_t id);
  std::optional<ServerError> RouteError(const Received& received) const;
  std::variant<Result, ServerError> Handle(const Received& received);
  std::variant<Result, ServerError> Apply(const Received& received);
  // Whether the shard that was asked owns what it is asked for.
  bool Owns(const ShardRoute& route, const Received& received) const;
  Result Execute(const Received& received);
  // Of ranges and many keys (fake_cluster_ranges.cc).
  const sharding::Arc& ArcOf(ShardId shard) const;
  BatchGetResult ExecuteBatchGet(const BatchGet& get) const;
  ShardPage ExecuteScan(const Scan& scan, const sharding::Arc& arc) const;
  ShardDeletion ExecuteDeleteRange(const DeleteRange& range, const sharding::Arc& arc);
  ShardMap MapOf(const std::string& asked) const;
  bool HasReplica(const std::string& endpoint, ShardId shard) const;
  std::string Believed() const { return believed_leader.value_or(leader); }

  VirtualTime& time_;
  std::map<std::string, Node> nodes_;
  std::set<class FakeConnection*> connections_;
  std::map<std::string, Session> sessions_;
  std::map<std::string, std::string> rows_;
  uint64_t revision_ = 0;

  int lose_requests_ = 0;
  int lose_replies_ = 0;
  int break_after_apply_ = 0;
  std::deque<ServerError> refusals_;
  std::deque<ServerError> open_refusals_;

  std::vector<Received> received_;
  size_t messages_ = 0;
  size_t map_requests_ = 0;
  size_t sessions_opened_ = 0;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_TESTS_CLIENT_FAKE_CLUSTER_H_

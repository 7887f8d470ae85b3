// A balancer without nodes: shards that are asked for at some of their slots, measure that, say so,
// and obey. What is asked when is the test's to say; hours of it take no time.
#ifndef FLOTILLA_TESTS_NODE_LOAD_RIG_H_
#define FLOTILLA_TESTS_NODE_LOAD_RIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/logger.h"
#include "base/random.h"
#include "node/balancer.h"

namespace flotilla::node {

// Equal arcs with three replicas each, led evenly. A window of load is two seconds long.
class LoadRig {
 public:
  // Requests per second for a slot of a shard.
  using LoadAt = std::function<double(const sharding::ShardClaim& shard, sharding::Slot slot,
                                      Duration since_begin)>;

  LoadRig(uint64_t nodes, uint64_t shards, sharding::PlannerOptions planner);

  // Only these slots are asked for.
  void Ask(std::vector<sharding::Slot> slots, LoadAt load);
  // Scans of each shard, per second.
  void Scan(double load) { scans_ = load; }
  // What a shard measures is wrong by up to so much, either way.
  void SetNoise(uint64_t percent) { noise_percent_ = percent; }
  // Whoever leads it says nothing of its load.
  void Mute(ShardId shard, bool mute = true) { muted_[shard] = mute; }
  void Run(Duration time);
  // Another node leads the directory from now on.
  void Elect();

  const std::map<ShardId, sharding::ShardClaim>& shards() const { return shards_; }
  Duration now() const { return now_ - kBegin; }
  double LoadOf(const sharding::ShardClaim& shard) const;
  // The node that serves the most, relative to the mean.
  double Imbalance() const;

  struct Event {
    Duration at;
    ShardId shard;
    ShardId child;  // none: leadership was handed over
  };
  std::vector<Event> splits() const { return Events(true); }
  std::vector<Event> hand_overs() const { return Events(false); }

 private:
  static constexpr MonoTime kBegin{std::chrono::hours(1)};

  struct Window {
    uint64_t number = 0;
    uint64_t load = 0;
    LoadSample sample;
  };

  void Measure();
  LoadSample Sample(const sharding::ShardClaim& shard);
  void Report();
  void Obey(const ShardOrder& order);
  // Whoever is added has caught up at once.
  static void ChangeMembers(const node::ChangeMembers& change,
                            sharding::ConfigurationClaim& configuration);
  std::vector<Event> Events(bool splits) const;
  void Change(const absl::StatusOr<kv::DirectoryChange>& change);

  const uint64_t nodes_;
  BalancerOptions options_;
  NullLogger logger_;
  Random random_{7};
  std::vector<sharding::Slot> slots_;
  LoadAt load_;
  double scans_ = 0;
  uint64_t noise_percent_ = 0;
  std::map<ShardId, bool> muted_;
  std::map<ShardId, sharding::ShardClaim> shards_;
  std::map<ShardId, Window> windows_;
  kv::Directory directory_;
  std::map<NodeId, DirectoryKeeper::Heard> heard_;
  MonoTime now_ = kBegin;
  MonoTime leading_since_ = kBegin;
  std::vector<Event> events_;
  std::unique_ptr<Balancer> balancer_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_LOAD_RIG_H_

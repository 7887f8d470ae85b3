// The planner: which replicas, leaders and arcs should change, given the cluster as it is. A pure
// function of its input: no clock, no memory, no randomness; the order in which nodes and shards
// are listed does not matter.
//
// It takes one step after the other, each the most urgent one of the cluster as it will be after
// the steps before: repair; drain; rules; splits; even numbers of replicas; of leaders; bytes;
// load. No step undoes what a more urgent concern has reached, and each strictly improves its own,
// so there is an end. A limit cuts this sequence off and never chooses from it: whatever the
// limits, carrying out plans until none is left leads to the same placement.
#ifndef FLOTILLA_SHARDING_PLANNER_H_
#define FLOTILLA_SHARDING_PLANNER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "sharding/cluster_view.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

struct PlannerOptions {
  // A node that is away for less is expected back, and nothing of it is replaced, unless a shard
  // has lost another voter already.
  Duration dead_after = std::chrono::minutes(10);

  // How much may be under way at a time, what is pending included. A group of steps that belong
  // together is begun whole when nothing else is under way, even if a limit is smaller.
  uint32_t max_moves = 8;
  uint32_t max_moves_per_node = 2;  // at either end
  uint32_t max_transfers = 64;
  uint32_t max_splits = 4;

  // A node is relieved of bytes or load when it has this much more than its share. What estimates
  // wobble by, half as much and less, turns nothing back: see level_balance.h.
  uint32_t tolerance_percent = 20;
  // Nor is it relieved of load when it serves fewer requests per second than these beyond its
  // share: however few there are, some node has more of them than others.
  uint64_t least_load = 50;

  // A shard above either is split; 0: never. There is no way back, so no gap between two
  // thresholds is needed; both are far above what a half that was just split off holds.
  uint64_t split_bytes = uint64_t{4} << 30;
  uint64_t split_load = 20'000;
  uint32_t max_shards = 4096;
};

// Why something that should be done cannot be.
enum class Obstacle : uint8_t {
  kNoQuorum,  // too few voters live: no change can be committed
  kNoTarget,  // no node may take the replica that should be added or moved
};

struct Shortfall {
  ShardId shard;
  Obstacle obstacle;
  friend bool operator==(const Shortfall&, const Shortfall&) = default;
};

struct Plan {
  // In the order in which they may begin.
  std::vector<PlannedStep> steps;
  // How many of the first may run at once: up to the group in which a shard is changed for the
  // second time. What comes after relies on these, and is planned again when they have begun.
  size_t at_once = 0;
  // What stays undone when all steps are carried out, by shard.
  std::vector<Shortfall> shortfalls;
  // Whether nothing is left to be planned after these steps. False: a limit cut the plan off, or
  // splits must be seen before anything else.
  bool complete = true;
};

Plan MakePlan(const ClusterView& view, const PlannerOptions& options);

// The same without limits on what runs at a time: all that would happen, to be shown or estimated.
// Up to the first splits, whose children nobody knows yet.
Plan MakeWholePlan(const ClusterView& view, PlannerOptions options);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PLANNER_H_

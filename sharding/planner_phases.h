// The planner's concerns, the most urgent first, one source file each. Every function looks for the
// next steps that serve its concern in a placement, and returns none when the concern is met as far
// as it can be.
//
// That planning ends rests on this: each step makes its own concern strictly better and leaves
// those before it as they are. What each of them lowers is named here.
#ifndef FLOTILLA_SHARDING_PLANNER_PHASES_H_
#define FLOTILLA_SHARDING_PLANNER_PHASES_H_

#include "sharding/placement.h"
#include "sharding/plan_step.h"
#include "sharding/planner.h"
#include "sharding/shard_split.h"

namespace flotilla::sharding {

// Lost replicas, and replicas that are missing. Shards that can afford the least come first.
StepGroup NextRepair(const Placement& placement);

// Leaders, then replicas, on nodes that are being drained.
StepGroup NextDrain(const Placement& placement);

// Replicas beyond the rules' number, learners that nobody waits for; then pairs of replicas in one
// zone.
StepGroup NextRuleFix(const Placement& placement);

// Shards that are too large, or too hot, the worst first.
StepGroup NextSplit(const Placement& placement, const PlannerOptions& options, SplitBy by);

// The sum over nodes of replicas squared over weight: it is lowest when each node has its share.
StepGroup NextReplicaBalance(const Placement& placement);

// The same of leaders. Replicas stay where they are.
StepGroup NextLeaderBalance(const Placement& placement);

// The bytes of nodes, sorted, the fullest first. Numbers of replicas and leaders stay as they are.
StepGroup NextByteBalance(const Placement& placement, const PlannerOptions& options);

// The load of the shards that nodes lead, likewise. Replicas stay where they are.
StepGroup NextLoadBalance(const Placement& placement, const PlannerOptions& options);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_PLANNER_PHASES_H_

// Evens out amounts, bytes or load, by exchanges that keep the numbers of what is exchanged.
#ifndef FLOTILLA_SHARDING_LEVEL_BALANCE_H_
#define FLOTILLA_SHARDING_LEVEL_BALANCE_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "sharding/placement.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

// What a node has of the amount; its level is that over its weight.
struct Vessel {
  NodeIndex node = kNobody;
  uint64_t amount = 0;
  uint64_t weight = 0;
};

// Something that could go from one node to another.
struct Parcel {
  uint64_t amount = 0;
  bool leads = false;  // only like is exchanged for like
  Step step;
};

// How far above the mean a level is still good enough: a part of the mean, and at least so much.
struct Tolerance {
  uint32_t percent = 20;
  double least = 0;
};

// What could go from one node to another.
using ListParcels = absl::FunctionRef<std::vector<Parcel>(NodeIndex from, NodeIndex to)>;
// Whether something may go there without anything coming back.
using MayGoAlone = absl::FunctionRef<bool(NodeIndex from, NodeIndex to, const Parcel& parcel)>;

// The exchange that relieves the fullest node with more than its tolerance the best. The other node
// must stay within half the tolerance, or a whole one below what the fullest had, so that estimates
// that wobble by less never turn it back (FoundationDB: what closes the whole gap only moves the
// hot spot). At least a third of what is moved must be gained, so that nothing is swapped for its
// like.
StepGroup Exchange(const std::vector<Vessel>& vessels, const Tolerance& allowed,
                   ListParcels list_parcels, MayGoAlone may_go_alone);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_LEVEL_BALANCE_H_

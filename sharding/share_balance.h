// Evens out things that cannot be divided, replicas or leaders, by moving as few as possible.
#ifndef FLOTILLA_SHARDING_SHARE_BALANCE_H_
#define FLOTILLA_SHARDING_SHARE_BALANCE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "sharding/fair_share.h"
#include "sharding/placement.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

struct Holder {
  NodeIndex node = kNobody;
  Share share;
};

// The step that would take one unit from a node to another; none when nothing may go that way.
using FindStep = absl::FunctionRef<std::optional<Step>(NodeIndex from, NodeIndex to)>;

// Steps after which the shares of the holders are strictly more even: one from the fullest node
// that has something for an emptier one, to the emptiest that may take it. Where no single step
// helps, a chain of up to `longest` steps, one unit from each node to the next, which leaves the
// nodes between as they were (an augmenting path, as in matchings). None when no such chain exists.
StepGroup EvenOut(std::vector<Holder> holders, size_t longest, FindStep find_step);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SHARE_BALANCE_H_

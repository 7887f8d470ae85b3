// Where a replica should go: the choice that repair, drain and zone rules share.
#ifndef FLOTILLA_SHARDING_RELOCATION_H_
#define FLOTILLA_SHARDING_RELOCATION_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sharding/placement.h"
#include "sharding/plan_step.h"

namespace flotilla::sharding {

// A replica that a shard needs, in place of the one on `leaving` or, with kNobody, in addition.
struct Vacancy {
  ShardIndex shard = 0;
  NodeIndex leaving = kNobody;
  // Only where it makes at most this many pairs of replicas in one zone.
  uint32_t max_conflicts = std::numeric_limits<uint32_t>::max();
};

// The best step of all that would fill one of the vacancies: fewest replicas in one zone, then the
// node with the least of its share, then the replica with the least room elsewhere, then by
// rendezvous hashing. None when no node may take any of them.
std::optional<Step> BestRelocation(const Placement& placement,
                                   const std::vector<Vacancy>& vacancies);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_RELOCATION_H_

// The truth that shard maps are tested against: shards that split, change members and elect
// leaders, each by its own log, and every claim that they could have made on the way.
#ifndef FLOTILLA_TESTS_SHARDING_SHARD_HISTORY_H_
#define FLOTILLA_TESTS_SHARDING_SHARD_HISTORY_H_

#include <cstdint>
#include <map>
#include <vector>

#include "base/random.h"
#include "sharding/shard_claim.h"

namespace flotilla::sharding {

// Claims that were true together.
using Report = std::vector<ShardClaim>;

class ShardHistory {
 public:
  ShardHistory(Random random, uint32_t founding_shards);

  // Something happens to one shard, and its leader reports it.
  void Step();

  const std::vector<Report>& reports() const { return reports_; }
  const std::map<ShardId, ShardClaim>& now() const { return now_; }

 private:
  void Split(ShardClaim& parent);

  Random random_;
  std::map<ShardId, ShardClaim> now_;
  std::vector<Report> reports_;
};

// An even claim to an arc: members 1, 2, 3 of the same replica ids, led by node 1.
ShardClaim ClaimOf(uint64_t shard, uint16_t first, uint16_t last, uint64_t version);

// The ring cut into equal arcs, one for each of the shards 1..count.
Report FoundingReport(uint32_t count);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_TESTS_SHARDING_SHARD_HISTORY_H_

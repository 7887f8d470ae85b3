// Which replicas of this node its groups' leaders are asked to replace: the member's side of
// repairs.h.
//
// Kept in the file REPAIRS of the data folder. A request makes the leader remove the replica, and
// from then on nothing else here says that the node wants to come back: neither the tombstone nor
// the learner that takes its place. So nobody is asked before the file is durable.
#ifndef FLOTILLA_NODE_REPAIR_REQUESTS_H_
#define FLOTILLA_NODE_REPAIR_REQUESTS_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/logger.h"

namespace flotilla::node {

// By group: the replica that must never run again.
using UnfitReplicas = std::map<ShardId, ReplicaId>;

// kDataLoss when damaged, kUnimplemented when newer.
std::string EncodeUnfitReplicas(const UnfitReplicas& unfit);
absl::StatusOr<UnfitReplicas> DecodeUnfitReplicas(std::string_view bytes);

// Lives on the executor that `sequences` are made for. References outlive it.
class RepairRequests {
 public:
  RepairRequests(Disk& disk, SequenceSource& sequences, Executor& home, Logger& logger,
                 std::string file);

  // What an earlier process recorded. Blocking; once, first. Errors: as DecodeUnfitReplicas, and
  // the disk's.
  absl::Status Load();

  // The replica is unfit. A lower id than the known one is history and changes nothing.
  void Add(ShardId shard, ReplicaId replica);
  // A new replica votes in its place.
  void Remove(ShardId shard) { wanted_.erase(shard); }
  const UnfitReplicas& wanted() const { return wanted_; }

  // Those of wanted() that a restart would not forget: what peers may be asked for.
  UnfitReplicas Recorded() const;
  // Writes down what has changed, unless that is under way; after an error the next call tries
  // again.
  void Record();

 private:
  Disk& disk_;
  Logger& logger_;
  const std::string file_;
  UnfitReplicas wanted_;
  UnfitReplicas on_disk_;
  bool writing_ = false;
  // The last member: its callbacks use the others.
  const std::unique_ptr<Sequence> sequence_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPAIR_REQUESTS_H_

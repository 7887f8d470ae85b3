// Makes a checkpoint of one replica's state in a folder and lists what is in it, so that it can be
// sent to a peer. Belongs to the replica's sender of snapshots.
#ifndef FLOTILLA_NODE_CHECKPOINT_MAKER_H_
#define FLOTILLA_NODE_CHECKPOINT_MAKER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/executor.h"
#include "node/applier.h"
#include "node/replica_context.h"
#include "storage/snapshot_files.h"

namespace flotilla::node {

class CheckpointMaker {
 public:
  using Done = std::function<void(absl::StatusOr<storage::SnapshotManifest>)>;

  // All outlive this; the sequence is of kind kBulk.
  CheckpointMaker(ShardId group, Applier& applier, ReplicaContext& context, Sequence& bulk);

  // After all that was put on the sequence before: what an earlier checkpoint leaves is gone then.
  // Once `wanted` has expired nothing more is done, `done` does not run, and what was written is
  // removed.
  void Make(std::string folder, std::weak_ptr<void> wanted, Done done);
  // In the background, after what still reads from it; what fails is removed by the next start.
  void Remove(std::string folder);

 private:
  struct Job;

  void Begin(std::shared_ptr<Job> job);
  void OnCheckpoint(std::shared_ptr<Job> job, absl::StatusOr<Applier::Copy> checkpoint);
  // File by file: other work of the sequence gets in between.
  void Describe(std::shared_ptr<Job> job);
  void OnDescribed(const std::shared_ptr<Job>& job, const absl::StatusOr<bool>& more);

  const ShardId group_;
  Applier& applier_;
  ReplicaContext& context_;
  Sequence& bulk_;
  // Guards callbacks that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_CHECKPOINT_MAKER_H_

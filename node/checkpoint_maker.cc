#include "node/checkpoint_maker.h"

#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

struct CheckpointMaker::Job {
  const std::string folder;
  const std::weak_ptr<void> wanted;
  const Done done;
  // On the bulk sequence only, once there is a checkpoint.
  std::unique_ptr<storage::SnapshotDescriber> describer = nullptr;
};

CheckpointMaker::CheckpointMaker(ShardId group, Applier& applier, ReplicaContext& context,
                                 Sequence& bulk)
    : group_(group), applier_(applier), context_(context), bulk_(bulk) {}

void CheckpointMaker::Make(std::string folder, std::weak_ptr<void> wanted, Done done) {
  auto job =
      std::make_shared<Job>(Job{std::move(folder), std::move(wanted), std::move(done), nullptr});
  bulk_.Run([] {},
            [this, alive = std::weak_ptr<bool>(alive_), job] {
              if (!alive.expired() && !job->wanted.expired()) Begin(job);
            });
}

void CheckpointMaker::Begin(std::shared_ptr<Job> job) {
  applier_.Checkpoint(
      context_.env.engines, job->folder,
      [this, alive = std::weak_ptr<bool>(alive_), job](absl::StatusOr<Applier::Copy> checkpoint) {
        if (!alive.expired()) OnCheckpoint(job, std::move(checkpoint));
      });
}

void CheckpointMaker::OnCheckpoint(std::shared_ptr<Job> job,
                                   absl::StatusOr<Applier::Copy> checkpoint) {
  if (job->wanted.expired()) {
    // It was given up before there was anything to remove.
    Remove(job->folder);
  } else if (!checkpoint.ok()) {
    context_.env.logger.Warning(
        "snapshot_checkpoint_failed",
        {{"shard", group_}, {"error", std::string(StdView(checkpoint.status().message()))}});
    job->done(checkpoint.status());
  } else {
    job->describer = std::make_unique<storage::SnapshotDescriber>(context_.env.disk, job->folder,
                                                                  group_, checkpoint->state.Meta(),
                                                                  std::move(checkpoint->note));
    Describe(std::move(job));
  }
}

void CheckpointMaker::Describe(std::shared_ptr<Job> job) {
  auto more = std::make_shared<absl::StatusOr<bool>>();
  bulk_.Run([job, more] { *more = job->describer->DescribeNext(); },
            [this, alive = std::weak_ptr<bool>(alive_), job, more] {
              // Who gave it up has removed the folder.
              if (!alive.expired() && !job->wanted.expired()) OnDescribed(job, *more);
            });
}

void CheckpointMaker::OnDescribed(const std::shared_ptr<Job>& job,
                                  const absl::StatusOr<bool>& more) {
  if (!more.ok()) {
    context_.env.logger.Error(
        "snapshot_read_failed",
        {{"shard", group_}, {"error", std::string(StdView(more.status().message()))}});
    job->done(more.status());
  } else if (*more) {
    Describe(job);
  } else {
    job->done(job->describer->manifest());
  }
}

void CheckpointMaker::Remove(std::string folder) {
  bulk_.Run(
      [disk = &context_.env.disk, folder = std::move(folder)] { (void)disk->RemoveTree(folder); },
      [] {});
}

}  // namespace flotilla::node

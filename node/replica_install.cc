// How a received snapshot becomes live: the new state is opened, then one log record names its
// generation and discards the log, and only then does the core hear of it.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "node/replica.h"
#include "node/replica_alive.h"

namespace flotilla::node {

namespace {

absl::StatusOr<ReplicaState> OpenReceived(storage::EngineSource& engines, const std::string& folder,
                                          const storage::SnapshotManifest& manifest) {
  FLOTILLA_ASSIGN_OR_RETURN(
      ReplicaState state, OpenReplicaState(engines, folder, manifest.engine_note, manifest.group));
  if (state.machine->applied().Meta() != manifest.meta) {
    return absl::DataLossError("the snapshot's state is not what its manifest says");
  }
  return state;
}

}  // namespace

void Replica::OnSnapshotOffer(const SnapshotOffer& offer) {
  if (failure_.has_value()) return;
  const absl::StatusOr<storage::SnapshotManifest> manifest =
      storage::DecodeSnapshotManifest(offer.manifest);
  SnapshotAnswer answer{.transfer = offer.transfer, .group = shard_};
  // Of a leader that the core has not heard of yet: what that one committed, the leader that it
  // knows may lack, and would take for acknowledged.
  const bool too_early = offer.term > core_.term();
  if (!manifest.ok() || offer.to != self_ || manifest->group != shard_ || too_early) {
    answer.kind = SnapshotAnswer::Kind::kRefused;
  } else if (!install_.has_value() && !core_.WouldInstall(manifest->meta)) {
    // Everything in it is here already.
    answer.kind = SnapshotAnswer::Kind::kInstalled;
  } else {
    receiver_.OnOffer(offer, *manifest);
    return;
  }
  context_.outbox.Add(offer.from.node, answer);
  Touch();
}

void Replica::OnSnapshotData(SnapshotData data) {
  if (!failure_.has_value()) receiver_.OnData(std::move(data));
}

void Replica::OnSnapshotAnswer(const SnapshotAnswer& answer) {
  if (!failure_.has_value()) sender_.OnAnswer(answer);
}

void Replica::BeginInstall() {
  if (!core_.WouldInstall(install_->manifest.meta)) {
    // Appends overtook it while it was on its way.
    DiscardInstall(SnapshotAnswer::Kind::kInstalled);
    return;
  }
  installing_ = true;
  child_.Drop();
  applier_.Replace(
      [engines = &context_.env.engines, manifest = install_->manifest,
       folder = context_.folder.GenerationPath(shard_, install_->generation)] {
        return OpenReceived(*engines, folder, manifest);
      },
      Alive([this](absl::StatusOr<kv::AppliedState> applied) {
        OnStateReplaced(std::move(applied));
      }));
}

void Replica::OnStateReplaced(absl::StatusOr<kv::AppliedState> applied) {
  if (!applied.ok()) {
    context_.env.logger.Error(
        "snapshot_install_failed",
        {{"shard", shard_}, {"error", std::string(StdView(applied.status().message()))}});
    installing_ = false;
    // What it said meanwhile was not heard.
    if (applier_.has_state()) OnDurable(applier_.durable());
    DiscardInstall(SnapshotAnswer::Kind::kRefused);
    return;
  }
  applied_ = *std::move(applied);
  durable_ = applier_.durable();
  const raft::SnapshotMeta& meta = install_->manifest.meta;
  const raft::RaftStatus status = core_.Status();
  storage::SnapshotRecord record{
      .replica = self_.replica,
      .meta = meta,
      .generation = install_->generation,
      .hard_state = {status.term, status.vote, std::max(status.commit, meta.index)},
      .engine_note = durable_.note};
  context_.log.Append(shard_, std::move(record),
                      Alive([this, replaced = generation_] { OnSnapshotDurable(replaced); }));
  context_.touch(shard_);
}

void Replica::OnSnapshotDurable(Generation replaced) {
  const raft::SnapshotMeta meta = install_->manifest.meta;
  generation_ = install_->generation;
  const absl::Status installed = core_.SnapshotInstalled({meta});
  // Nothing reached the core since it said that it would install this.
  FLOTILLA_CHECK_MSG(installed.ok(), std::string(StdView(installed.message())));
  compacted_ = meta.index;
  flush_requested_at_ = meta.index;
  bytes_since_flush_ = 0;
  installing_ = false;
  context_.metrics.snapshots_installed.Add();
  context_.env.logger.Info("snapshot_installed", {{"shard", shard_}, {"index", meta.index}});
  writes_.AppliedWithoutResults(meta.index);
  freshness_.Applied(meta.index);
  SettleMembershipWaiters();
  install_.reset();
  receiver_.Installed();
  Touch();
  if (!replaced.is_none()) {
    // What a failed removal leaves behind goes at the next start.
    cleanup_->Run(
        [disk = &context_.env.disk, old = context_.folder.GenerationPath(shard_, replaced)] {
          (void)disk->RemoveTree(old);
        },
        [] {});
  }
}

void Replica::DiscardInstall(SnapshotAnswer::Kind kind) {
  install_.reset();
  receiver_.Discard(kind);
  Touch();
}

}  // namespace flotilla::node

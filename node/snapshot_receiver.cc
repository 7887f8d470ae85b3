#include "node/snapshot_receiver.h"

#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

SnapshotReceiver::SnapshotReceiver(ShardId group, ReplicaContext& context, Received received)
    : group_(group),
      context_(context),
      received_(std::move(received)),
      bulk_(context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)) {}

void SnapshotReceiver::OnOffer(const SnapshotOffer& offer,
                               const storage::SnapshotManifest& manifest) {
  if (transfer_.has_value()) {
    // Repeated because our answer was lost, or because it takes long to make the snapshot live: say
    // again how far we are.
    if (transfer_->id == offer.transfer && transfer_->from == offer.from.node) {
      Answer(SnapshotAnswer::Kind::kContinue);
      return;
    }
    // A leader of an older term is no leader any more; and what is about to become live stays.
    if (offer.term < transfer_->term || transfer_->finishing) return;
    RemoveFolder();
  }
  transfer_ = Transfer{.id = offer.transfer,
                       .from = offer.from.node,
                       .term = offer.term,
                       .manifest = manifest,
                       .generation = context_.next_generation};
  ++context_.next_generation;
  const std::string folder = context_.folder.GenerationPath(group_, transfer_->generation);
  transfer_->writer =
      std::make_shared<storage::SnapshotWriter>(context_.env.disk, folder, manifest);
  context_.env.logger.Info(
      "snapshot_receive_started",
      {{"shard", group_}, {"from", offer.from.node}, {"index", manifest.meta.index}});
  auto status = std::make_shared<absl::Status>();
  bulk_->Run(
      [disk = &context_.env.disk, folder, writer = transfer_->writer, status] {
        *status = disk->RemoveTree(folder);
        if (status->ok()) *status = writer->Start();
      },
      [this, alive = std::weak_ptr<bool>(alive_), id = offer.transfer, status] {
        if (!alive.expired()) OnWritten(id, *status, 0);
      });
}

void SnapshotReceiver::OnData(SnapshotData data) {
  if (!transfer_.has_value() || transfer_->id != data.transfer || transfer_->finishing) return;
  auto status = std::make_shared<absl::Status>();
  auto written = std::make_shared<uint64_t>(0);
  auto chunk = std::make_shared<storage::SnapshotChunk>(
      storage::SnapshotChunk{data.offset, std::move(data.data), data.crc32c});
  bulk_->Run(
      [writer = transfer_->writer, chunk, status, written] {
        *status = writer->Write(*chunk);
        *written = writer->written();
      },
      [this, alive = std::weak_ptr<bool>(alive_), id = data.transfer, status, written] {
        if (!alive.expired()) OnWritten(id, *status, *written);
      });
}

void SnapshotReceiver::OnWritten(uint64_t id, const absl::Status& status, uint64_t written) {
  if (!transfer_.has_value() || transfer_->id != id || transfer_->finishing) return;
  // A gap means that a chunk was lost on the way: the answer says where to go on.
  if (!status.ok() && status.code() != absl::StatusCode::kOutOfRange) {
    context_.env.logger.Warning(
        "snapshot_receive_failed",
        {{"shard", group_}, {"error", std::string(StdView(status.message()))}});
    Discard(SnapshotAnswer::Kind::kRefused);
    return;
  }
  transfer_->written = written;
  if (written == transfer_->manifest.TotalBytes()) {
    FinishWriting();
  } else {
    Answer(SnapshotAnswer::Kind::kContinue);
  }
}

void SnapshotReceiver::FinishWriting() {
  transfer_->finishing = true;
  auto status = std::make_shared<absl::Status>();
  bulk_->Run([writer = transfer_->writer, status] { *status = writer->Finish(); },
             [this, alive = std::weak_ptr<bool>(alive_), status] {
               if (alive.expired()) return;
               if (!status->ok()) {
                 context_.env.logger.Warning(
                     "snapshot_receive_failed",
                     {{"shard", group_}, {"error", std::string(StdView(status->message()))}});
                 Discard(SnapshotAnswer::Kind::kRefused);
                 return;
               }
               received_({transfer_->manifest, transfer_->generation});
             });
}

void SnapshotReceiver::Answer(SnapshotAnswer::Kind kind) {
  context_.outbox.Add(transfer_->from, SnapshotAnswer{.transfer = transfer_->id,
                                                      .group = group_,
                                                      .kind = kind,
                                                      .next_offset = transfer_->written});
  context_.touch(group_);
}

void SnapshotReceiver::Installed() {
  Answer(SnapshotAnswer::Kind::kInstalled);
  transfer_.reset();
}

void SnapshotReceiver::Discard(SnapshotAnswer::Kind kind) {
  Answer(kind);
  RemoveFolder();
  transfer_.reset();
}

// After what is still being written to it; what fails is cleaned up by the next start.
void SnapshotReceiver::RemoveFolder() {
  bulk_->Run([disk = &context_.env.disk,
              folder = context_.folder.GenerationPath(
                  group_, transfer_->generation)] { (void)disk->RemoveTree(folder); },
             [] {});
}

}  // namespace flotilla::node

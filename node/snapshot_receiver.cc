#include "node/snapshot_receiver.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

// A sender that means it says something twice a second, whatever it waits for. As long as that one
// waits for an answer.
constexpr Duration kSlotKept = std::chrono::seconds(15);

}  // namespace

SnapshotReceiver::SnapshotReceiver(ShardId group, ReplicaContext& context, Received received)
    : group_(group),
      context_(context),
      received_(std::move(received)),
      bulk_(context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)) {}

bool SnapshotReceiver::IsSame(const SnapshotOffer& offer,
                              const storage::SnapshotManifest& manifest) const {
  return transfer_->id == offer.transfer && transfer_->from == offer.from.node &&
         transfer_->manifest == manifest;
}

void SnapshotReceiver::OnOffer(const SnapshotOffer& offer,
                               const storage::SnapshotManifest& manifest) {
  if (transfer_.has_value()) {
    if (IsSame(offer, manifest)) {
      // Repeated because our answer was lost, because it takes long to make the snapshot live, or
      // because the sender was away, perhaps without its leadership: say again how far we are.
      transfer_->term = std::max(transfer_->term, offer.term);
      transfer_->heard = context_.env.clock.Now();
      if (transfer_->ticket.empty() && !transfer_->finishing) return Queue();
      const bool waits = !transfer_->ticket.empty() && !transfer_->ticket.granted();
      return Answer(waits ? SnapshotAnswer::Kind::kWait : SnapshotAnswer::Kind::kContinue);
    }
    // A leader of an older term is no leader any more; and what is about to become live stays.
    if (offer.term < transfer_->term || transfer_->finishing) return;
    RemoveFolder();
  }
  Transfer transfer;
  transfer.id = offer.transfer;
  transfer.from = offer.from.node;
  transfer.term = offer.term;
  transfer.manifest = manifest;
  transfer.generation = context_.NewGeneration();
  transfer.heard = context_.env.clock.Now();
  transfer_ = std::move(transfer);
  context_.env.logger.Info(
      "snapshot_receive_started",
      {{"shard", group_}, {"from", offer.from.node}, {"index", manifest.meta.index}});
  Queue();
}

void SnapshotReceiver::Queue() {
  transfer_->ticket = context_.snapshots.receives.Join([this] { StartWriting(); });
  if (transfer_->ticket.granted()) return StartWriting();
  context_.env.logger.Info("snapshot_receive_queued",
                           {{"shard", group_}, {"from", transfer_->from}});
  Answer(SnapshotAnswer::Kind::kWait);
}

void SnapshotReceiver::StartWriting() {
  if (transfer_->writer != nullptr) {
    // It had to wait a second time, after a silence.
    Answer(SnapshotAnswer::Kind::kContinue);
    return;
  }
  const std::string folder = context_.folder.GenerationPath(group_, transfer_->generation);
  transfer_->writer =
      std::make_shared<storage::SnapshotWriter>(context_.env.disk, folder, transfer_->manifest);
  auto status = std::make_shared<absl::Status>();
  bulk_->Run(
      [disk = &context_.env.disk, folder, writer = transfer_->writer, status] {
        *status = disk->RemoveTree(folder);
        if (status->ok()) *status = writer->Start();
      },
      [this, alive = std::weak_ptr<bool>(alive_), id = transfer_->id, status] {
        if (!alive.expired()) OnWritten(id, *status, 0);
      });
}

void SnapshotReceiver::OnData(SnapshotData data) {
  if (!transfer_.has_value() || transfer_->id != data.transfer || transfer_->finishing) return;
  transfer_->heard = context_.env.clock.Now();
  // After a silence others may receive in its place; the next offer asks for a slot again.
  if (!transfer_->ticket.granted() || transfer_->writer == nullptr) return;
  // What was sent again because it took long to write would only fill the memory; and behind a gap
  // the sender begins again by itself.
  const uint64_t end = data.offset + data.data.size();
  if (data.offset > transfer_->queued || end <= transfer_->queued) return;
  transfer_->queued = end;
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
  if (!status.ok()) {
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

void SnapshotReceiver::Tick() {
  if (!transfer_.has_value()) return;
  const Duration silence = context_.env.clock.Now() - transfer_->heard;
  if (silence > kSlotKept) transfer_->ticket.GiveBack();
  // As long as the sender keeps its checkpoint, and nothing that may become live.
  if (silence <= kSlotKept + context_.options.snapshot_keep || transfer_->finishing) return;
  RemoveFolder();
  transfer_.reset();
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

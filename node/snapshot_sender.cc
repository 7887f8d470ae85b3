#include "node/snapshot_sender.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr Duration kResendAfter = std::chrono::milliseconds(500);
constexpr Duration kGiveUpAfter = std::chrono::seconds(15);

// A folder that RemoveUnnamedGenerations takes for what it is after a crash: garbage.
std::string CheckpointFolder(const DataFolder& folder, ShardId group, uint64_t transfer) {
  return JoinPath(folder.ShardPath(group), "checkpoint-" + std::to_string(transfer));
}

}  // namespace

SnapshotSender::SnapshotSender(ShardId group, raft::Member self, Applier& applier,
                               ReplicaContext& context, Finished finished)
    : group_(group),
      self_(self),
      applier_(applier),
      context_(context),
      finished_(std::move(finished)),
      bulk_(context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)) {}

SnapshotSender::~SnapshotSender() = default;

void SnapshotSender::Start(const raft::SnapshotRequest& request) {
  std::vector<uint64_t> superseded;
  for (const auto& [id, transfer] : transfers_) {
    if (transfer.to == request.to && transfer.term == request.term) return;
    if (transfer.to == request.to) superseded.push_back(id);
  }
  for (const uint64_t id : superseded) Finish(id, /*ok=*/false);

  const MonoTime now = context_.env.clock.Now();
  Transfer transfer;
  transfer.id = context_.next_transfer++;
  transfer.to = request.to;
  transfer.term = request.term;
  transfer.folder = CheckpointFolder(context_.folder, group_, transfer.id);
  transfer.last_progress = now;
  transfer.last_sent = now;
  const uint64_t id = transfer.id;
  const std::string folder = transfer.folder;
  transfers_.emplace(id, std::move(transfer));
  context_.env.logger.Info("snapshot_send_started",
                           {{"shard", group_}, {"to", request.to.node}, {"transfer", id}});
  applier_.Checkpoint(
      context_.env.engines, folder,
      [this, alive = std::weak_ptr<bool>(alive_), id](absl::StatusOr<Applier::Copy> checkpoint) {
        if (!alive.expired()) Describe(id, std::move(checkpoint));
      });
}

SnapshotSender::Transfer* SnapshotSender::Find(uint64_t id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

void SnapshotSender::Describe(uint64_t id, absl::StatusOr<Applier::Copy> checkpoint) {
  Transfer* transfer = Find(id);
  if (transfer == nullptr) return;
  if (!checkpoint.ok()) {
    context_.env.logger.Warning(
        "snapshot_checkpoint_failed",
        {{"shard", group_}, {"error", std::string(StdView(checkpoint.status().message()))}});
    Finish(id, /*ok=*/false);
    return;
  }
  auto manifest = std::make_shared<absl::StatusOr<storage::SnapshotManifest>>();
  bulk_->Run(
      [disk = &context_.env.disk, folder = transfer->folder, group = group_,
       meta = checkpoint->state.Meta(), note = checkpoint->note,
       manifest] { *manifest = storage::DescribeCheckpoint(*disk, folder, group, meta, note); },
      [this, alive = std::weak_ptr<bool>(alive_), id, manifest] {
        if (alive.expired()) return;
        Transfer* described = Find(id);
        if (described == nullptr) return;
        if (!manifest->ok()) {
          Finish(id, /*ok=*/false);
          return;
        }
        described->manifest = **manifest;
        described->reader = std::make_shared<storage::SnapshotReader>(
            context_.env.disk, described->folder, *described->manifest);
        described->last_progress = context_.env.clock.Now();
        Offer(*described);
      });
}

void SnapshotSender::Offer(Transfer& transfer) {
  transfer.last_sent = context_.env.clock.Now();
  context_.outbox.Add(transfer.to.node,
                      SnapshotOffer{.transfer = transfer.id,
                                    .from = self_,
                                    .to = transfer.to,
                                    .term = transfer.term,
                                    .manifest = EncodeSnapshotManifest(*transfer.manifest),
                                    .group = group_});
  context_.touch(group_);
}

void SnapshotSender::Pump(Transfer& transfer) {
  const uint64_t window =
      context_.options.snapshot_chunk_bytes * context_.options.snapshot_window_chunks;
  const uint64_t total = transfer.manifest->TotalBytes();
  if (transfer.reading || transfer.next >= std::min(total, transfer.acknowledged + window)) return;
  transfer.reading = true;
  auto chunk = std::make_shared<absl::StatusOr<storage::SnapshotChunk>>();
  bulk_->Run([reader = transfer.reader, offset = transfer.next,
              size = context_.options.snapshot_chunk_bytes,
              chunk] { *chunk = reader->Read(offset, size); },
             [this, alive = std::weak_ptr<bool>(alive_), id = transfer.id, chunk] {
               if (!alive.expired()) OnChunk(id, std::move(*chunk));
             });
}

void SnapshotSender::OnChunk(uint64_t id, absl::StatusOr<storage::SnapshotChunk> chunk) {
  Transfer* transfer = Find(id);
  if (transfer == nullptr) return;
  transfer->reading = false;
  if (!chunk.ok()) {
    context_.env.logger.Error(
        "snapshot_read_failed",
        {{"shard", group_}, {"error", std::string(StdView(chunk.status().message()))}});
    Finish(id, /*ok=*/false);
    return;
  }
  // A chunk that was read before a resend moved `next` back is as good as any: order is restored by
  // the receiver, which ignores what it has.
  transfer->next = std::max(transfer->next, chunk->offset + chunk->data.size());
  transfer->last_sent = context_.env.clock.Now();
  context_.outbox.Add(transfer->to.node, SnapshotData{.transfer = id,
                                                      .group = group_,
                                                      .offset = chunk->offset,
                                                      .crc32c = chunk->crc32c,
                                                      .data = std::move(chunk->data)});
  context_.touch(group_);
  Pump(*transfer);
}

void SnapshotSender::OnAnswer(const SnapshotAnswer& answer) {
  Transfer* transfer = Find(answer.transfer);
  if (transfer == nullptr || !transfer->manifest.has_value()) return;
  switch (answer.kind) {
    case SnapshotAnswer::Kind::kInstalled:
      Finish(answer.transfer, /*ok=*/true);
      return;
    case SnapshotAnswer::Kind::kRefused:
      Finish(answer.transfer, /*ok=*/false);
      return;
    case SnapshotAnswer::Kind::kContinue:
      break;
  }
  if (answer.next_offset > transfer->manifest->TotalBytes()) return;
  if (!transfer->accepted || answer.next_offset > transfer->acknowledged) {
    transfer->last_progress = context_.env.clock.Now();
  }
  transfer->accepted = true;
  transfer->acknowledged = std::max(transfer->acknowledged, answer.next_offset);
  transfer->next = std::max(transfer->next, transfer->acknowledged);
  Pump(*transfer);
}

void SnapshotSender::Tick() {
  const MonoTime now = context_.env.clock.Now();
  std::vector<uint64_t> stuck;
  for (auto& [id, transfer] : transfers_) {
    if (now - transfer.last_progress > kGiveUpAfter) {
      stuck.push_back(id);
    } else if (transfer.manifest.has_value() && !transfer.reading &&
               now - transfer.last_sent > kResendAfter) {
      // The offer is answered with how far the receiver got, whatever was lost.
      transfer.next = transfer.acknowledged;
      Offer(transfer);
    }
  }
  for (const uint64_t id : stuck) Finish(id, /*ok=*/false);
}

void SnapshotSender::Finish(uint64_t id, bool ok) {
  auto found = transfers_.extract(id);
  FLOTILLA_CHECK(!found.empty());
  Transfer& transfer = found.mapped();
  const LogIndex index = transfer.manifest.has_value() ? transfer.manifest->meta.index : LogIndex();
  context_.env.logger.Info("snapshot_send_finished", {{"shard", group_},
                                                      {"to", transfer.to.node},
                                                      {"transfer", id},
                                                      {"ok", ok},
                                                      {"index", index}});
  // After whatever still reads from it; what fails is cleaned up by the next start.
  bulk_->Run(
      [disk = &context_.env.disk, folder = transfer.folder] { (void)disk->RemoveTree(folder); },
      [] {});
  finished_(transfer.to, transfer.term, ok, index);
  context_.touch(group_);
}

void SnapshotSender::AbortAll() {
  while (!transfers_.empty()) Finish(transfers_.begin()->first, /*ok=*/false);
}

std::optional<LogIndex> SnapshotSender::OldestIndex() const {
  std::optional<LogIndex> oldest;
  for (const auto& [id, transfer] : transfers_) {
    if (!transfer.manifest.has_value()) continue;
    oldest =
        std::min(oldest.value_or(transfer.manifest->meta.index), transfer.manifest->meta.index);
  }
  return oldest;
}

}  // namespace flotilla::node

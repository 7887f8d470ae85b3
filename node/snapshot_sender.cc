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
constexpr int kAttempts = 3;

// A folder that RemoveUnnamedGenerations takes for what it is after a crash: garbage.
std::string CheckpointFolder(const DataFolder& folder, ShardId group, uint64_t transfer) {
  return JoinPath(folder.ShardPath(group), "checkpoint-" + std::to_string(transfer));
}

}  // namespace

SnapshotSender::SnapshotSender(ShardId group, raft::Member self, Applier& applier,
                               ReplicaContext& context, Finished finished, Damaged damaged)
    : group_(group),
      self_(self),
      applier_(applier),
      context_(context),
      finished_(std::move(finished)),
      damaged_(std::move(damaged)),
      bulk_(context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)) {}

SnapshotSender::~SnapshotSender() = default;

void SnapshotSender::Start(const raft::SnapshotRequest& request) {
  std::vector<uint64_t> superseded;
  for (const auto& [id, transfer] : transfers_) {
    if (transfer.to == request.to && transfer.term == request.term) return;
    if (transfer.to == request.to) superseded.push_back(id);
  }
  for (const uint64_t id : superseded) Finish(id, /*ok=*/false);

  Transfer transfer;
  transfer.id = context_.next_transfer++;
  transfer.to = request.to;
  transfer.term = request.term;
  transfer.folder = CheckpointFolder(context_.folder, group_, transfer.id);
  const uint64_t id = transfer.id;
  const std::string folder = transfer.folder;
  transfers_.emplace(id, std::move(transfer));
  context_.env.logger.Info("snapshot_send_started",
                           {{"shard", group_}, {"to", request.to.node}, {"transfer", id}});
  applier_.Checkpoint(context_.env.engines, folder,
                      [this, alive = std::weak_ptr<bool>(alive_), id,
                       folder](absl::StatusOr<Applier::Copy> checkpoint) {
                        if (!alive.expired()) OnCheckpoint(id, folder, std::move(checkpoint));
                      });
}

SnapshotSender::Transfer* SnapshotSender::Find(uint64_t id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

void SnapshotSender::OnCheckpoint(uint64_t id, const std::string& folder,
                                  absl::StatusOr<Applier::Copy> checkpoint) {
  Transfer* transfer = Find(id);
  if (transfer == nullptr) {
    // It ended before there was anything to remove.
    RemoveFolder(folder);
    return;
  }
  if (!checkpoint.ok()) {
    context_.env.logger.Warning(
        "snapshot_checkpoint_failed",
        {{"shard", group_}, {"error", std::string(StdView(checkpoint.status().message()))}});
    GiveUp(id, checkpoint.status());
    return;
  }
  transfer->describer = std::make_shared<storage::SnapshotDescriber>(
      context_.env.disk, folder, group_, checkpoint->state.Meta(), std::move(checkpoint->note));
  Describe(*transfer);
}

void SnapshotSender::Describe(Transfer& transfer) {
  auto more = std::make_shared<absl::StatusOr<bool>>();
  bulk_->Run([describer = transfer.describer, more] { *more = describer->DescribeNext(); },
             [this, alive = std::weak_ptr<bool>(alive_), id = transfer.id, more] {
               if (!alive.expired()) OnDescribed(id, *more);
             });
}

void SnapshotSender::OnDescribed(uint64_t id, const absl::StatusOr<bool>& more) {
  Transfer* transfer = Find(id);
  if (transfer == nullptr) return;
  if (!more.ok()) {
    context_.env.logger.Error(
        "snapshot_read_failed",
        {{"shard", group_}, {"error", std::string(StdView(more.status().message()))}});
    GiveUp(id, more.status());
  } else if (*more) {
    Describe(*transfer);
  } else {
    transfer->manifest = transfer->describer->manifest();
    transfer->describer.reset();
    transfer->reader = std::make_shared<storage::SnapshotReader>(
        context_.env.disk, transfer->folder, *transfer->manifest);
    transfer->silent_since = context_.env.clock.Now();
    Offer(*transfer);
  }
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
    GiveUp(id, chunk.status());
    return;
  }
  // A chunk that was read before a resend moved `next` back is as good as any: order is restored by
  // the receiver, which ignores what it has.
  transfer->next = std::max(transfer->next, chunk->offset + chunk->data.size());
  // Only now the peer has something to answer again.
  transfer->silent_since = transfer->last_sent = context_.env.clock.Now();
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
  transfer->silent_since = context_.env.clock.Now();
  // A receiver that was restarted begins again, at less than it had acknowledged.
  if (answer.next_offset < transfer->acknowledged) transfer->next = answer.next_offset;
  transfer->acknowledged = answer.next_offset;
  transfer->next = std::max(transfer->next, transfer->acknowledged);
  Pump(*transfer);
}

void SnapshotSender::Tick() {
  const MonoTime now = context_.env.clock.Now();
  std::vector<uint64_t> silent;
  for (auto& [id, transfer] : transfers_) {
    if (!transfer.manifest.has_value() || transfer.reading) continue;
    if (now - transfer.silent_since > kGiveUpAfter) {
      silent.push_back(id);
    } else if (now - transfer.last_sent > kResendAfter) {
      // The offer is answered with how far the receiver got, whatever was lost.
      transfer.next = transfer.acknowledged;
      Offer(transfer);
    }
  }
  for (const uint64_t id : silent) Finish(id, /*ok=*/false);
}

// A disk may fail one read and not the next. A leader that cannot read its state ever again would
// leave its peers behind for good; it must go, and be repaired by them.
void SnapshotSender::GiveUp(uint64_t id, const absl::Status& why) {
  Finish(id, /*ok=*/false);
  if (absl::IsDataLoss(why) && ++unreadable_ >= kAttempts) damaged_(why);
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
  RemoveFolder(transfer.folder);
  if (ok) unreadable_ = 0;
  finished_(transfer.to, transfer.term, ok, index);
  context_.touch(group_);
}

// After whatever still reads from it; what fails is cleaned up by the next start.
void SnapshotSender::RemoveFolder(const std::string& folder) {
  bulk_->Run([disk = &context_.env.disk, folder] { (void)disk->RemoveTree(folder); }, [] {});
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

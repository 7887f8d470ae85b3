#include "node/snapshot_sender.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr Duration kResendAfter = std::chrono::milliseconds(500);
// A peer that has not answered two offers may have missed more than it knows.
constexpr Duration kInterruptedAfter = 3 * kResendAfter;
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
      context_(context),
      finished_(std::move(finished)),
      damaged_(std::move(damaged)),
      bulk_(context.env.sequences.NewSequence(SequenceSource::Use::kBulk, context.env.executor)),
      checkpoints_(group, applier, context, *bulk_) {}

// The replica may have been removed while a checkpoint was kept: nobody else knows of it.
SnapshotSender::~SnapshotSender() {
  bulk_.reset();  // waits for what still reads
  for (const auto& [id, transfer] : transfers_) context_.remove_folder(transfer.folder);
}

void SnapshotSender::Start(const raft::SnapshotRequest& request) {
  if (Transfer* known = FindTo(request.to.node); known != nullptr) {
    const bool same_peer = known->to == request.to;
    const bool paused = known->paused_since.has_value();
    if (same_peer && !paused && known->term == request.term) return;
    const bool reaches =
        known->manifest.has_value() && known->manifest->meta.index >= request.at_least;
    if (same_peer && reaches) return Resume(*known, request.term);
    Finish(known->id, /*ok=*/false);
  }
  const uint64_t id = context_.next_transfer++;
  Transfer& transfer = transfers_[id];
  transfer.id = id;
  transfer.to = request.to;
  transfer.term = request.term;
  transfer.folder = CheckpointFolder(context_.folder, group_, id);
  transfer.wanted = std::make_shared<bool>(true);
  context_.env.logger.Info("snapshot_send_started",
                           {{"shard", group_}, {"to", request.to.node}, {"transfer", id}});
  Queue(transfer);
}

SnapshotSender::Transfer* SnapshotSender::Find(uint64_t id) {
  const auto it = transfers_.find(id);
  return it == transfers_.end() ? nullptr : &it->second;
}

SnapshotSender::Transfer* SnapshotSender::FindTo(NodeId node) {
  const auto it = std::find_if(transfers_.begin(), transfers_.end(), [&](const auto& transfer) {
    return transfer.second.to.node == node;
  });
  return it == transfers_.end() ? nullptr : &it->second;
}

void SnapshotSender::Queue(Transfer& transfer) {
  transfer.ticket = context_.snapshots.sends.Join([this, id = transfer.id] { Begin(*Find(id)); });
  if (transfer.ticket.granted()) return Begin(transfer);
  context_.env.logger.Info(
      "snapshot_send_queued",
      {{"shard", group_}, {"to", transfer.to.node}, {"transfer", transfer.id}});
}

void SnapshotSender::Begin(Transfer& transfer) {
  if (transfer.manifest.has_value()) {
    transfer.silent_since = context_.env.clock.Now();
    Offer(transfer);
    return;
  }
  // Not before: a checkpoint that waits holds back disk space and the log.
  checkpoints_.Make(transfer.folder, transfer.wanted,
                    [this, id = transfer.id](absl::StatusOr<storage::SnapshotManifest> manifest) {
                      OnMade(id, std::move(manifest));
                    });
}

void SnapshotSender::OnMade(uint64_t id, absl::StatusOr<storage::SnapshotManifest> manifest) {
  Transfer* transfer = Find(id);
  if (!manifest.ok()) {
    GiveUp(id, manifest.status());
    return;
  }
  transfer->manifest = *std::move(manifest);
  transfer->reader = std::make_shared<storage::SnapshotReader>(context_.env.disk, transfer->folder,
                                                               *transfer->manifest);
  Begin(*transfer);
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
  if (transfer.busy || transfer.next >= std::min(total, transfer.acknowledged + window)) return;
  transfer.busy = true;
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
  if (!chunk.ok()) {
    context_.env.logger.Error(
        "snapshot_read_failed",
        {{"shard", group_}, {"error", std::string(StdView(chunk.status().message()))}});
    GiveUp(id, chunk.status());
    return;
  }
  const MonoTime leave_at = context_.snapshots.sent_bytes.Reserve(chunk->data.size());
  if (leave_at <= context_.env.clock.Now()) return Send(id, *std::move(chunk));
  if (!std::exchange(transfer->throttled, true)) {
    context_.env.logger.Info(
        "snapshot_send_throttled",
        {{"shard", group_}, {"to", transfer->to.node}, {"transfer", transfer->id}});
  }
  context_.env.executor.PostAt(leave_at, [this, alive = std::weak_ptr<bool>(alive_), id,
                                          held = *std::move(chunk)]() mutable {
    if (!alive.expired()) Send(id, std::move(held));
  });
}

void SnapshotSender::Send(uint64_t id, storage::SnapshotChunk chunk) {
  Transfer* transfer = Find(id);
  if (transfer == nullptr) return;
  transfer->busy = false;
  if (!transfer->running()) return;
  // One that was read before a resend moved `next` back is as good as any: order is restored by the
  // receiver, which ignores what it has.
  if (chunk.offset == transfer->next) transfer->next += chunk.data.size();
  transfer->last_sent = context_.env.clock.Now();
  context_.metrics.snapshot_bytes_sent.Add(chunk.data.size());
  context_.outbox.Add(transfer->to.node, SnapshotData{.transfer = id,
                                                      .group = group_,
                                                      .offset = chunk.offset,
                                                      .crc32c = chunk.crc32c,
                                                      .data = std::move(chunk.data)});
  context_.touch(group_);
  Pump(*transfer);
}

void SnapshotSender::OnAnswer(const SnapshotAnswer& answer) {
  Transfer* transfer = Find(answer.transfer);
  if (transfer == nullptr || !transfer->manifest.has_value()) return;
  switch (answer.kind) {
    case SnapshotAnswer::Kind::kInstalled:
      return Finish(answer.transfer, /*ok=*/true);
    case SnapshotAnswer::Kind::kRefused:
      return Finish(answer.transfer, /*ok=*/false);
    case SnapshotAnswer::Kind::kWait:
      transfer->silent_since = context_.env.clock.Now();
      return;
    case SnapshotAnswer::Kind::kContinue:
      if (transfer->running()) OnContinue(*transfer, answer.next_offset);
      return;
  }
}

void SnapshotSender::OnContinue(Transfer& transfer, uint64_t offset) {
  if (offset > transfer.manifest->TotalBytes()) return;
  transfer.silent_since = context_.env.clock.Now();
  if (std::exchange(transfer.interrupted, false) && offset > 0) {
    context_.metrics.snapshots_resumed.Add();
    context_.env.logger.Info("snapshot_send_resumed", {{"shard", group_},
                                                       {"to", transfer.to.node},
                                                       {"transfer", transfer.id},
                                                       {"offset", offset}});
  }
  // A receiver that was restarted begins again, at less than it had acknowledged.
  if (offset < transfer.acknowledged) transfer.next = offset;
  transfer.acknowledged = offset;
  transfer.next = std::max(transfer.next, transfer.acknowledged);
  Pump(transfer);
}

void SnapshotSender::Tick() {
  const MonoTime now = context_.env.clock.Now();
  std::vector<uint64_t> silent;
  std::vector<uint64_t> forgotten;
  for (auto& [id, transfer] : transfers_) {
    if (transfer.paused_since.has_value()) {
      if (now - *transfer.paused_since > context_.options.snapshot_keep) forgotten.push_back(id);
      continue;
    }
    if (!transfer.running()) continue;
    if (now - transfer.silent_since > kGiveUpAfter) {
      silent.push_back(id);
    } else if (now - transfer.last_sent > kResendAfter) {
      if (now - transfer.silent_since > kInterruptedAfter) transfer.interrupted = true;
      // The offer is answered with how far the receiver got, whatever was lost.
      if (!transfer.busy) transfer.next = transfer.acknowledged;
      Offer(transfer);
    }
  }
  for (const uint64_t id : silent) Pause(id);
  for (const uint64_t id : forgotten) Finish(id, /*ok=*/false);
}

void SnapshotSender::Resume(Transfer& transfer, Term term) {
  const bool was_paused = transfer.paused_since.has_value();
  transfer.term = term;
  transfer.paused_since.reset();
  transfer.interrupted = true;
  if (was_paused) {
    Queue(transfer);
  } else if (transfer.running()) {
    Offer(transfer);
  }
}

void SnapshotSender::Pause(uint64_t id) {
  Transfer& transfer = *Find(id);
  if (transfer.paused_since.has_value()) return;
  // What is not there yet is made anew sooner than it is worth keeping.
  if (!transfer.manifest.has_value() || context_.options.snapshot_keep == Duration::zero()) {
    return Finish(id, /*ok=*/false);
  }
  transfer.ticket.GiveBack();
  transfer.paused_since = context_.env.clock.Now();
  transfer.next = transfer.acknowledged;
  const LogIndex index = transfer.manifest->meta.index;
  context_.env.logger.Info("snapshot_send_paused", {{"shard", group_},
                                                    {"to", transfer.to.node},
                                                    {"transfer", id},
                                                    {"offset", transfer.acknowledged}});
  finished_(transfer.to, transfer.term, /*ok=*/false, index);
  context_.touch(group_);
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
  checkpoints_.Remove(transfer.folder);
  if (ok) unreadable_ = 0;
  // The core heard of the pause, and may have asked for the next one since.
  if (!transfer.paused_since.has_value()) finished_(transfer.to, transfer.term, ok, index);
  context_.touch(group_);
}

void SnapshotSender::PauseAll() {
  std::vector<uint64_t> all;
  for (const auto& [id, transfer] : transfers_) all.push_back(id);
  for (const uint64_t id : all) Pause(id);
}

void SnapshotSender::AbortAll() {
  while (!transfers_.empty()) Finish(transfers_.begin()->first, /*ok=*/false);
}

LearnerProgress SnapshotSender::ProgressTo(const raft::Member& member) const {
  LearnerProgress progress{.node = member.node};
  for (const auto& [id, transfer] : transfers_) {
    if (transfer.to != member || !transfer.manifest.has_value()) continue;
    progress.bytes_done = transfer.acknowledged;
    progress.bytes_total = transfer.manifest->TotalBytes();
  }
  return progress;
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

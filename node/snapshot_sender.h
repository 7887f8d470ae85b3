// Sends snapshots of one replica's state to members that need what the log no longer has: makes a
// checkpoint, offers it, and streams its files in a window of chunks that the receiver
// acknowledges. What was acknowledged is never sent again: a lost connection costs a window.
//
//            a slot is free        described
//   queued ------------------> making -----> running --> installed, refused: removed
//      ^                                     |     ^
//      | asked for again                     |     | its turn, as queued
//      |                 peer silent, leadership lost
//      '------------------ paused <----------'
//                            '--> removed, when nobody came back for it
//
// A paused transfer is only its checkpoint. It goes on, under the same id, where the receiver is,
// which knows it if it still has the first part, and takes it from the beginning if not.
#ifndef FLOTILLA_NODE_SNAPSHOT_SENDER_H_
#define FLOTILLA_NODE_SNAPSHOT_SENDER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/applier.h"
#include "node/checkpoint_maker.h"
#include "node/envelope.h"
#include "node/replica_context.h"
#include "node/transfer_meter.h"
#include "node/transfer_slots.h"
#include "raft/raft_core.h"
#include "storage/snapshot_files.h"

namespace flotilla::node {

class SnapshotSender {
 public:
  // The transfer ended; with `ok` the peer has the state at `index`.
  using Finished = std::function<void(raft::Member to, Term term, bool ok, LogIndex index)>;

  // This node's own state could not be read, for several transfers in a row.
  using Damaged = std::function<void(const absl::Status& why)>;

  SnapshotSender(ShardId group, raft::Member self, Applier& applier, ReplicaContext& context,
                 Finished finished, Damaged damaged);
  ~SnapshotSender();

  // Goes on with what an older term, or a long silence, has interrupted if that is still of use;
  // else it is removed first: there are never two checkpoints for one peer.
  void Start(const raft::SnapshotRequest& request);
  void OnAnswer(const SnapshotAnswer& answer);
  // Says again and again what is offered, which also shows the receiver that somebody is there, and
  // pauses for peers that are silent for long. How long this node itself takes to read its state,
  // or has to wait for its turn, does not matter.
  void Tick();
  // This node leads no more. Perhaps it will again.
  void PauseAll();
  // Nothing will ever be sent again.
  void AbortAll();

  // Of what is being sent to that member, in bytes; nothing of nothing where nothing is.
  LearnerProgress ProgressTo(const raft::Member& member) const;

  // The log must be kept from here: it is what the receivers of checkpoints need next.
  std::optional<LogIndex> OldestIndex() const;

 private:
  struct Transfer {
    uint64_t id = 0;
    raft::Member to;
    Term term;
    std::string folder;
    // Its share of the node's sends, or its place in their queue; empty while paused.
    TransferSlots::Ticket ticket;
    // Expires with the transfer.
    std::shared_ptr<bool> wanted;
    // Set when the checkpoint has been made and described; the peer is offered it then.
    std::optional<storage::SnapshotManifest> manifest;
    // On the bulk sequence only; shared with the job that reads.
    std::shared_ptr<storage::SnapshotReader> reader;
    // Invariant: acknowledged <= next <= total bytes.
    uint64_t acknowledged = 0;
    uint64_t next = 0;
    // A chunk is being read, or waits until the limit of bytes per second lets it go.
    bool busy = false;
    bool throttled = false;  // by that limit, at least once
    // Since then nothing was heard of the peer although it had something to answer.
    MonoTime silent_since;
    MonoTime last_sent;
    // Where the receiver is may be news.
    bool interrupted = false;
    std::optional<MonoTime> paused_since;

    bool running() const { return ticket.granted() && manifest.has_value(); }
  };

  Transfer* Find(uint64_t id);
  Transfer* FindTo(NodeId node);
  void Queue(Transfer& transfer);
  void Begin(Transfer& transfer);
  void OnMade(uint64_t id, absl::StatusOr<storage::SnapshotManifest> manifest);
  void Offer(Transfer& transfer);
  void OnContinue(Transfer& transfer, uint64_t offset);
  // Reads and sends the next chunk while the window is open.
  void Pump(Transfer& transfer);
  void OnChunk(uint64_t id, absl::StatusOr<storage::SnapshotChunk> chunk);
  void Send(uint64_t id, storage::SnapshotChunk chunk);
  void Resume(Transfer& transfer, Term term);
  void Pause(uint64_t id);
  void Finish(uint64_t id, bool ok);
  void GiveUp(uint64_t id, const absl::Status& why);

  const ShardId group_;
  const raft::Member self_;
  ReplicaContext& context_;
  const Finished finished_;
  const Damaged damaged_;
  // Transfers since the last good one for which the state could not be read.
  int unreadable_ = 0;
  std::unique_ptr<Sequence> bulk_;
  CheckpointMaker checkpoints_;
  // At most one to each node.
  std::map<uint64_t, Transfer> transfers_;
  // Guards callbacks that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SNAPSHOT_SENDER_H_

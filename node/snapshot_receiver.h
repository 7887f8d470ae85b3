// Receives a snapshot for one replica: builds the folder of the next generation from chunks and
// hands it over when every file has been verified and synced. One transfer at a time; a newer offer
// replaces an older one. Until the log names the generation, the folder is garbage.
//
// What was received stays for a while when the sender falls silent: if it comes back with the same
// transfer, which is named by its id and its manifest, that goes on where it was. A restart forgets
// it.
#ifndef FLOTILLA_NODE_SNAPSHOT_RECEIVER_H_
#define FLOTILLA_NODE_SNAPSHOT_RECEIVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/ids.h"
#include "node/envelope.h"
#include "node/replica_context.h"
#include "node/transfer_slots.h"
#include "storage/snapshot_files.h"

namespace flotilla::node {

struct ReceivedSnapshot {
  storage::SnapshotManifest manifest;
  Generation generation;
};

class SnapshotReceiver {
 public:
  using Received = std::function<void(ReceivedSnapshot)>;

  SnapshotReceiver(ShardId group, ReplicaContext& context, Received received);

  // Precondition: the offer is for this replica and its snapshot is news to it.
  void OnOffer(const SnapshotOffer& offer, const storage::SnapshotManifest& manifest);
  void OnData(SnapshotData data);
  // The received snapshot is live: tells the sender, and forgets it.
  void Installed();
  // It is of no use: tells the sender, forgets it and removes its folder.
  void Discard(SnapshotAnswer::Kind kind);
  // A sender that is silent loses its slot to others, and in the end what it has sent.
  void Tick();

 private:
  struct Transfer {
    uint64_t id = 0;
    NodeId from;
    Term term;
    storage::SnapshotManifest manifest;
    Generation generation;
    // Its share of what the node receives at once, or its place in the queue; empty after a
    // silence.
    TransferSlots::Ticket ticket;
    // On the bulk sequence only; shared with its jobs. Null until it was first granted a slot.
    std::shared_ptr<storage::SnapshotWriter> writer;
    // Invariant: written <= queued, which is the end of what the writer was given. What lies
    // between is in memory, and never more than the sender's window: it goes by what is written.
    uint64_t written = 0;
    uint64_t queued = 0;
    bool finishing = false;
    MonoTime heard;
  };

  bool IsSame(const SnapshotOffer& offer, const storage::SnapshotManifest& manifest) const;
  // Asks for a slot and tells the sender whether there is one.
  void Queue();
  void StartWriting();
  void Answer(SnapshotAnswer::Kind kind);
  void RemoveFolder();
  void OnWritten(uint64_t id, const absl::Status& status, uint64_t written);
  void FinishWriting();

  const ShardId group_;
  ReplicaContext& context_;
  const Received received_;
  const std::unique_ptr<Sequence> bulk_;
  std::optional<Transfer> transfer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SNAPSHOT_RECEIVER_H_

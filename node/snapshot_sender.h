// Sends snapshots of one replica's state to members that need what the log no longer has: makes a
// checkpoint, offers it, and streams its files in a window of chunks that the receiver
// acknowledges. What was acknowledged is never sent again, so a lost connection costs a window.
#ifndef FLOTILLA_NODE_SNAPSHOT_SENDER_H_
#define FLOTILLA_NODE_SNAPSHOT_SENDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "node/applier.h"
#include "node/envelope.h"
#include "node/replica_context.h"
#include "raft/raft_core.h"
#include "storage/snapshot_files.h"

namespace flotilla::node {

class SnapshotSender {
 public:
  // The transfer ended; with `ok` the peer has the state at `index`.
  using Finished = std::function<void(raft::Member to, Term term, bool ok, LogIndex index)>;

  SnapshotSender(ShardId group, raft::Member self, Applier& applier, ReplicaContext& context,
                 Finished finished);
  ~SnapshotSender();

  // A transfer to the same member under an older term is given up for it.
  void Start(const raft::SnapshotRequest& request);
  void OnAnswer(const SnapshotAnswer& answer);
  // Sends again what was not acknowledged for a while, gives up what made no progress for long.
  void Tick();
  void AbortAll();

  bool active() const { return !transfers_.empty(); }
  // The log must be kept from here while transfers run: it is what their receivers need next.
  std::optional<LogIndex> OldestIndex() const;

 private:
  struct Transfer {
    uint64_t id = 0;
    raft::Member to;
    Term term;
    std::string folder;
    // Set when the checkpoint has been made and described.
    std::optional<storage::SnapshotManifest> manifest;
    // On the bulk sequence only; shared with the job that reads.
    std::shared_ptr<storage::SnapshotReader> reader;
    bool accepted = false;
    // Invariant: acknowledged <= next <= total bytes.
    uint64_t acknowledged = 0;
    uint64_t next = 0;
    bool reading = false;
    MonoTime last_progress;
    MonoTime last_sent;
  };

  Transfer* Find(uint64_t id);
  void Describe(uint64_t id, absl::StatusOr<Applier::Copy> checkpoint);
  void Offer(Transfer& transfer);
  // Reads and sends the next chunk while the window is open.
  void Pump(Transfer& transfer);
  void OnChunk(uint64_t id, absl::StatusOr<storage::SnapshotChunk> chunk);
  void Finish(uint64_t id, bool ok);

  const ShardId group_;
  const raft::Member self_;
  Applier& applier_;
  ReplicaContext& context_;
  const Finished finished_;
  const std::unique_ptr<Sequence> bulk_;
  std::map<uint64_t, Transfer> transfers_;
  // Guards callbacks that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SNAPSHOT_SENDER_H_

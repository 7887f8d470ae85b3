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

  // This node's own state could not be read, for several transfers in a row.
  using Damaged = std::function<void(const absl::Status& why)>;

  SnapshotSender(ShardId group, raft::Member self, Applier& applier, ReplicaContext& context,
                 Finished finished, Damaged damaged);
  ~SnapshotSender();

  // A transfer to the same member under an older term is given up for it.
  void Start(const raft::SnapshotRequest& request);
  void OnAnswer(const SnapshotAnswer& answer);
  // Sends again what was not acknowledged for a while, and gives up on peers that are silent for
  // long. How long this node itself takes to read its state does not matter.
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
    // Set when the checkpoint has been made and described; the peer is offered it then.
    std::optional<storage::SnapshotManifest> manifest;
    // On the bulk sequence only; shared with the job that reads. The first until there is a
    // manifest, the second from then on.
    std::shared_ptr<storage::SnapshotDescriber> describer;
    std::shared_ptr<storage::SnapshotReader> reader;
    // Invariant: acknowledged <= next <= total bytes.
    uint64_t acknowledged = 0;
    uint64_t next = 0;
    bool reading = false;
    // Since then nothing was heard of the peer although it had something to answer.
    MonoTime silent_since;
    MonoTime last_sent;
  };

  Transfer* Find(uint64_t id);
  void OnCheckpoint(uint64_t id, const std::string& folder,
                    absl::StatusOr<Applier::Copy> checkpoint);
  // File by file: a transfer that ended meanwhile ends this too, and does not keep the bulk thread
  // from what others have to do.
  void Describe(Transfer& transfer);
  void OnDescribed(uint64_t id, const absl::StatusOr<bool>& more);
  void Offer(Transfer& transfer);
  // Reads and sends the next chunk while the window is open.
  void Pump(Transfer& transfer);
  void OnChunk(uint64_t id, absl::StatusOr<storage::SnapshotChunk> chunk);
  void Finish(uint64_t id, bool ok);
  void GiveUp(uint64_t id, const absl::Status& why);
  void RemoveFolder(const std::string& folder);

  const ShardId group_;
  const raft::Member self_;
  Applier& applier_;
  ReplicaContext& context_;
  const Finished finished_;
  const Damaged damaged_;
  // Transfers since the last good one for which the state could not be read.
  int unreadable_ = 0;
  const std::unique_ptr<Sequence> bulk_;
  std::map<uint64_t, Transfer> transfers_;
  // Guards callbacks that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SNAPSHOT_SENDER_H_

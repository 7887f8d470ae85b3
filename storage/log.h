// The node's write-ahead log: one append stream shared by every group on the node. Whatever queued
// while the disk was busy goes out as one batch with one sync, then all its callbacks run (group
// commit across groups). Format and recovery rules: docs/formats.md.
//
// Lives on the node's executor and is destroyed there, or when that has stopped; blocking work is
// done on sequences of its own. Not thread-safe.
#ifndef FLOTILLA_STORAGE_LOG_H_
#define FLOTILLA_STORAGE_LOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/logger.h"
#include "base/random.h"
#include "raft/types.h"

namespace flotilla::storage {

// --- What can be made durable. Every record belongs to one group. -------------------------------

// Entries replace everything of the group from entries.front().index on. Preconditions: a replica
// of the group was created and is not suspect; the entries are consecutive, leave no gap behind the
// log's last one and begin behind the snapshot.
struct AppendRecord {
  std::optional<raft::HardState> hard_state;
  std::vector<raft::Entry> entries;
  // False when only HardState::commit changed: rides along with the next batch, causes none. True
  // whenever there are entries.
  bool must_sync = true;
};

// Everything up to meta.index is durably in the group's engine; the log may forget it.
// Preconditions: as for AppendRecord; meta.index is not before the last compaction nor behind the
// last entry.
struct CompactRecord {
  raft::SnapshotMeta meta;
  std::string engine_note;  // opaque to the log; given back at recovery (DurablePoint::note)
};

// The group's state is now the folder named by `generation`; the log before, and all entries, are
// discarded. The only commit point of a snapshot installation, and of a replica's creation.
// Preconditions: `replica` is not below the lowest allowed, and not a suspect one's.
struct SnapshotRecord {
  ReplicaId replica;
  raft::SnapshotMeta meta;
  Generation generation;
  raft::HardState hard_state;
  std::string engine_note;
};

// This node may never again run a replica of the group with an id below `lowest_allowed`. Drops all
// that the log holds of the group. A lower number than before changes nothing.
struct TombstoneRecord {
  ReplicaId lowest_allowed;
};

using LogRecord = std::variant<AppendRecord, CompactRecord, SnapshotRecord, TombstoneRecord>;

// --- What is found at start. --------------------------------------------------------------------

struct RecoveredGroup {
  ShardId group;
  ReplicaId replica;
  Generation generation;
  raft::HardState hard_state;
  raft::SnapshotMeta snapshot;  // where the log begins
  std::string engine_note;
  // All of the log after snapshot.index, without gaps. Commands have no payload (see LoadEntries),
  // configuration entries have theirs. Empty for a suspect group.
  std::vector<raft::Entry> entries;
  // Records of this group may be missing (corruption of acknowledged data): this replica must never
  // vote or acknowledge again under its replica id. The log remembers it until a SnapshotRecord of
  // another replica id or a tombstone. Its state may be older than what was acknowledged, and is
  // unknown (generation none) when the only record of it was lost.
  bool suspect = false;
};

// Also of groups that live again, with a higher replica id.
struct RecoveredTombstone {
  ShardId group;
  ReplicaId lowest_allowed;
};

// What the log knows of a living group without looking at the disk.
struct RecalledGroup {
  RecoveredGroup group;  // without entries
  LogIndex last_index;   // of the entries, which begin behind group.snapshot
};

struct Recovery {
  std::vector<RecoveredGroup> groups;          // sorted by group
  std::vector<RecoveredTombstone> tombstones;  // sorted by group
  uint64_t torn_bytes = 0;                     // unsynced tail that was cut
};

struct LogOptions {
  std::string folder;  // the caller holds the lock that keeps other processes out
  NodeId node;
  Incarnation incarnation;
  uint64_t segment_bytes = 64ull << 20;
  // Above this the groups that pin the oldest segments are named by GroupsPinningOldest.
  uint64_t budget_bytes = 1ull << 30;
  uint64_t max_batch_bytes = 16ull << 20;
  // Bytes of records waiting for the disk; beyond it LogStatus::overloaded is set.
  uint64_t max_queued_bytes = 128ull << 20;
  // A marker that vouches for the last batch is written this long after it.
  Duration marker_delay = std::chrono::milliseconds(10);
  // The least time between the starts of two writes while more than one entry or other record
  // waits, so that batches grow with the load; a lone caller never waits. 0 writes as soon as the
  // disk is free.
  Duration round_spacing = Duration(0);
};

struct LogStatus {
  // No space for another segment: what fits into the current one is still written, then appends
  // wait. Refuse new proposals. Ends by itself when space returns.
  bool disk_full = false;
  // More waits for the disk than LogOptions::max_queued_bytes: take in nothing that can be refused.
  bool overloaded = false;
  uint64_t bytes = 0;  // of live segments
  uint64_t queued_bytes = 0;
  Lsn durable_lsn;
};

class Log {
 public:
  // Opens or formats the log in options.folder, recovers it into `recovery`, and closes what needs
  // closing, all blocking. `on_fatal` is called once, on the home executor, when the log can never
  // again promise durability (a failed sync, write or close); the owner must stop the process or
  // the node, and may not destroy the log within the call.
  //
  // Errors, all before anything is changed: kDataLoss where recovery cannot tell which groups are
  // affected; kFailedPrecondition for a folder of another node or incarnation; kUnimplemented for
  // another format; as of the disk.
  static absl::StatusOr<std::unique_ptr<Log>> Open(const LogOptions& options, Disk& disk,
                                                   Clock& clock, Executor& home,
                                                   SequenceSource& sequences, Random random,
                                                   Logger& logger,
                                                   absl::AnyInvocable<void(absl::Status)> on_fatal,
                                                   Recovery* recovery);
  virtual ~Log() = default;

  // Queues a record; `durable` runs on the home executor, never within the call, once it and all
  // before it are synced (for must_sync == false: once those before it are). Callbacks run in the
  // order of the calls. After a fatal error none runs any more. Never refuses: see LogStatus.
  virtual void Append(ShardId group, LogRecord record, Task durable) = 0;

  // Starts writing what is queued, when the disk is free. Called once per turn of the node's loop.
  virtual void Submit() = 0;

  using ReadDone = absl::AnyInvocable<void(absl::StatusOr<std::vector<raft::Entry>>)>;
  // Reads [first, last] of a group back, stopping after max_bytes but not before one entry, and
  // before what is not durable yet. `done` runs on the home executor, never within the call, and
  // gets kNotFound when `first` is not in the log (any more) or entries were overwritten meanwhile,
  // kDataLoss when what was acknowledged cannot be read: the replica must stop.
  virtual void ReadEntries(ShardId group, LogIndex first, LogIndex last, size_t max_bytes,
                           ReadDone done) = 0;
  // The same, blocking, without a limit: for start-up, before the first Append.
  virtual absl::StatusOr<std::vector<raft::Entry>> LoadEntries(ShardId group, LogIndex first,
                                                               LogIndex last) = 0;

  // What a restart would recover once all that was appended is durable; nullopt when no replica of
  // the group lives here.
  virtual std::optional<RecalledGroup> Recall(ShardId group) const = 0;

  // Above the budget: the groups whose oldest live record is in the oldest segments, worst first.
  virtual std::vector<ShardId> GroupsPinningOldest() const = 0;
  // Writes the group's whole live state again as one atomic record, so that old segments can go.
  // For groups with little left: their entries are held in memory meanwhile. Also runs `durable`
  // when nothing was left to rewrite, or when it failed (too much, or unreadable): then the group
  // still pins what it pinned.
  virtual void Rewrite(ShardId group, Task durable) = 0;

  // Writes what is queued and a final marker, then runs `done`. What is appended afterwards is
  // ignored. What cannot be written because the disk is full stays unacknowledged.
  virtual void Close(Task done) = 0;

  virtual LogStatus Status() const = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_H_

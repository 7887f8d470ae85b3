// The directory of the cluster: which nodes there are, and which shards, kept as rows of a shard of
// its own. So it needs no log, snapshot or state machine of another kind: what changes is one
// transaction of that shard, and whoever leads it loads the rows and goes on.
//
//   {directory}n NODE    sharding::NodeRecord
//   {directory}o ID      kv::OperationRecord
//   {directory}s SHARD   sharding::ShardMapDelta of this shard alone
//   {directory}v         the version of the shard map, and the last shard id that was given away
//
// Numbers in keys are big-endian, as in kv/rows.h. One hash tag puts all of them into one slot.
//
// A value; not thread-safe.
#ifndef FLOTILLA_KV_DIRECTORY_H_
#define FLOTILLA_KV_DIRECTORY_H_

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "kv/command.h"
#include "kv/operation_record.h"
#include "kv/read.h"
#include "sharding/node_record.h"
#include "sharding/shard_map.h"

namespace flotilla::kv {

// Its shard. Clients cannot name it; its arc is the whole ring, of which it owns nothing.
inline constexpr ShardId kDirectoryShard{1'000'000'000};

// From here on the directory gives shards their ids; below are those of founding shards, and those
// that operators choose. So the two never choose the same one.
inline constexpr ShardId kFirstNamedShard{1'000'000};

// What the rows of the directory begin with, hash tag included.
inline constexpr std::string_view kDirectoryPrefix = "{directory}";

// So many operations that have ended are remembered.
inline constexpr size_t kMaxEndedOperations = 256;

// From one directory to the next.
struct DirectoryChange {
  std::vector<sharding::NodeRecord> nodes;  // new, or as they are now
  std::vector<NodeId> forgotten;
  sharding::ShardMapDelta shards;           // since the directory's map
  ShardId named;                            // the last id that was given away; none: none was
  std::vector<OperationRecord> operations;  // new, or as they are now
  std::vector<OperationId> dropped;         // ended long ago

  bool empty() const {
    return nodes.empty() && forgotten.empty() && shards.items.empty() && named.is_none() &&
           operations.empty() && dropped.empty();
  }
};

// What becomes of operations at one moment.
struct OperationNews {
  struct End {
    OperationId id;
    OperationState state = OperationState::kSucceeded;
    std::string reason;
  };
  // Without ids, and splits without the child's: the directory gives both.
  std::vector<OperationRecord> begun;
  std::vector<End> ended;
  WallTime at;

  bool empty() const { return begun.empty() && ended.empty(); }
};

class Directory {
 public:
  // Of all rows of its shard. kDataLoss for rows that no directory writes or that do not fit
  // together, kUnimplemented for newer ones.
  static absl::StatusOr<Directory> Load(std::span<const Row> rows);

  // Of the row that changes with every change; the last of all.
  static std::string VersionKey();

  const sharding::ShardMap& shards() const { return shards_; }
  const std::map<NodeId, sharding::NodeRecord>& nodes() const { return nodes_; }
  const std::map<OperationId, OperationRecord>& operations() const { return operations_; }
  // The operation that changes the shard; null where none does.
  const OperationRecord* Running(ShardId shard) const;

  // What these claims, true together, change. Errors as of sharding::ShardMap::Merge.
  absl::StatusOr<DirectoryChange> Claim(std::span<const sharding::ShardClaim> claims) const;
  // What a node's own word changes: a new node is registered, a known one has moved. Its duty is
  // not the node's to choose. kFailedPrecondition when the id is taken by a node with another disk.
  absl::StatusOr<DirectoryChange> Register(const sharding::NodeRecord& record) const;

  // Of one shard one operation runs at a time; others are left out, and so are splits as long as
  // the directory has not heard of all founding shards: it could give a child an id that is taken.
  // What has ended already stays as it is.
  DirectoryChange Record(const OperationNews& news) const;
  // Of one that a person asks for; its record, with its id, is the change's last. One that does the
  // same and runs already is the same. kUnavailable: another one changes the shard.
  absl::StatusOr<DirectoryChange> Begin(const OperationRecord& asked, WallTime now) const;
  // kNotFound, kFailedPrecondition for one that has ended, or is a split that has happened.
  absl::StatusOr<DirectoryChange> Cancel(OperationId operation) const;

  // Makes a change of this directory durable. Without effect (Txn::otherwise, which is empty) when
  // the rows are not this directory's: somebody else has changed them.
  Command CommandFor(const DirectoryChange& change) const;
  // Once that is applied. Errors as of sharding::ShardMap::Apply, nothing changed.
  absl::Status Apply(const DirectoryChange& change);

  friend bool operator==(const Directory&, const Directory&) = default;

 private:
  absl::Status TakeRow(const Row& row, sharding::ShardMapDelta& shards);
  // An id that no shard has, and none was promised, `last` being the last that was given away.
  ShardId NextShard(ShardId last) const;
  std::vector<OperationId> TooMany(const std::vector<OperationRecord>& changed) const;

  std::map<NodeId, sharding::NodeRecord> nodes_;
  std::map<OperationId, OperationRecord> operations_;
  sharding::ShardMap shards_;
  // Counts the changes: what a command expects to find.
  uint64_t revision_ = 0;
  // The greatest id that was given away.
  ShardId last_named_;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_DIRECTORY_H_

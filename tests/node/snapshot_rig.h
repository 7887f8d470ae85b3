// A cluster in which a follower has missed more than the log still has, and a look at what is sent
// to it.
#ifndef FLOTILLA_TESTS_NODE_SNAPSHOT_RIG_H_
#define FLOTILLA_TESTS_NODE_SNAPSHOT_RIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "node/envelope.h"
#include "node/node.h"
#include "tests/node/node_rig.h"

namespace flotilla::node {

// Little fits into the log, and chunks are small.
void TinyLog(NodeOptions& options);

// The name of every folder that the node has of shard 1.
std::vector<std::string> ShardFolders(NodeRig& rig, uint64_t id);
size_t Checkpoints(NodeRig& rig, uint64_t id);
inline bool HasCheckpoint(NodeRig& rig, uint64_t id) { return Checkpoints(rig, id) > 0; }

// Stops a follower, writes until the log of no shard has what it needs, and returns it.
uint64_t LeaveAFollowerBehind(NodeRig& rig);

// Every piece of a snapshot that nodes send.
class SnapshotWatch {
 public:
  struct Piece {
    Duration when{};
    uint64_t from = 0;
    uint64_t transfer = 0;
    ShardId shard;
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  // The rig outlives the watch, whose place in memory must not change.
  explicit SnapshotWatch(NodeRig& rig);
  SnapshotWatch(const SnapshotWatch&) = delete;

  const std::vector<Piece>& pieces() const { return pieces_; }
  uint64_t bytes() const;
  // The size of the last snapshot that was offered for a shard.
  uint64_t size_of(ShardId shard) const { return sizes_.at(shard); }

 private:
  void Note(uint64_t from, const PeerItem& item);

  NodeRig& rig_;
  std::vector<Piece> pieces_;
  std::map<ShardId, uint64_t> sizes_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_SNAPSHOT_RIG_H_

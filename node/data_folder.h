// The data folder and who it belongs to: its lock, the durable IDENTITY file, and where things lie.
//
//   LOCK          held while a process uses the folder
//   IDENTITY      format, node id, incarnation; once formed also cluster id and founders
//   log/          the write-ahead log
//   shards/<shard>/<generation>/   one engine per replica
#ifndef FLOTILLA_NODE_DATA_FOLDER_H_
#define FLOTILLA_NODE_DATA_FOLDER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"
#include "base/random.h"
#include "node/peer_transport.h"

namespace flotilla::node {

struct Identity {
  NodeId node;
  Incarnation incarnation;
  ClusterId cluster;  // none until formed or joined
  // The members of the founding groups, sorted by node; their position gives the replica id. Empty
  // until formed.
  std::vector<NodeAddress> founders;
  FoundingPlan plan;
};
std::string EncodeIdentity(const Identity& identity);
absl::StatusOr<Identity> DecodeIdentity(std::string_view bytes);

class DataFolder {
 public:
  // Locks the folder, which is created when missing, and reads who it belongs to; an empty folder
  // becomes `node`'s, under a fresh incarnation. Blocking.
  //
  // Errors, nothing changed: kFailedPrecondition (in use; another node's; not empty and without an
  // IDENTITY), kUnimplemented (another format), kDataLoss, and as of the disk.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(Disk& disk, const std::string& path,
                                                          NodeId node, Random& random);

  const Identity& identity() const { return identity_; }
  // Durable on return. Blocking: called once in a cluster's life, before the node serves.
  absl::Status SaveIdentity(Identity identity);

  std::string LogPath() const;
  // kDataLoss when the log of a node that belongs to a cluster is gone, or was in use and is empty:
  // what it promised went with it, and a fresh log would let it promise the opposite.
  absl::Status CheckLogIsThere() const;
  absl::Status CheckEmptyLogIsNew() const;
  // The log has named a replica, durably. From then on an empty log is a lost one. Blocking, from
  // any thread.
  absl::Status MarkLogInUse() const;
  std::string ShardPath(ShardId shard) const;
  std::string GenerationPath(ShardId shard, Generation generation) const;

  // Deletes every generation of every shard except the named ones: what a crash left behind in the
  // middle of an installation or a checkpoint.
  absl::Status RemoveUnnamedGenerations(
      const std::vector<std::pair<ShardId, Generation>>& live) const;
  // The same for one shard.
  absl::Status RemoveOtherGenerations(ShardId shard, Generation live) const;

 private:
  DataFolder(Disk& disk, std::string path, std::unique_ptr<FileLock> lock, Identity identity);

  Disk& disk_;
  const std::string path_;
  const std::unique_ptr<FileLock> lock_;
  Identity identity_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_DATA_FOLDER_H_

#include "node/data_folder.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"
#include "base/status_macros.h"
#include "node/address_codec.h"

namespace flotilla::node {

namespace {

constexpr uint8_t kIdentityKind = 0x49;  // 'I'
constexpr uint8_t kIdentityVersion = 1;

constexpr std::string_view kLockFile = "LOCK";
constexpr std::string_view kIdentityFile = "IDENTITY";
// In the log's folder, for as long as the node belongs to a cluster: says that the folder is the
// one that it promised in, even while the log is still empty.
constexpr std::string_view kLogMarkerFile = "MEMBER";
// There as soon as the log names a replica: from then on it always names one, or a tombstone.
constexpr std::string_view kLogInUseFile = "IN_USE";
constexpr std::string_view kShardsFolder = "shards";

// Refuses a folder that holds something, but nothing of ours: it may be anything's.
absl::Status CheckEmpty(Disk& disk, const std::string& path) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(path));
  for (const std::string& name : names) {
    // A crash while the folder was formatted leaves these; with data in them, IDENTITY was lost.
    if (name == kShardsFolder) {
      FLOTILLA_ASSIGN_OR_RETURN(const auto shards, disk.List(JoinPath(path, name)));
      if (shards.empty()) continue;
    }
    if (name == kLockFile || name == std::string(kIdentityFile) + ".tmp" || name == "lost+found") {
      continue;
    }
    return absl::FailedPreconditionError("data folder " + path + " holds " + name +
                                         " but no IDENTITY: not a folder of this store");
  }
  return absl::OkStatus();
}

// The names of the folder and of the folders above, which may have been created with it, must
// survive: peers are about to learn the incarnation.
absl::Status SyncOwnName(Disk& disk, const std::string& path) {
  FLOTILLA_RETURN_IF_ERROR(disk.SyncDir(ParentFolder(path)));
  for (std::string above = ParentFolder(path); above != "/" && above != ".";) {
    above = ParentFolder(above);
    absl::Status synced = disk.SyncDir(above);
    // A folder that this process may not read was there before it.
    if (!synced.ok() && synced.code() != absl::StatusCode::kPermissionDenied) return synced;
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> Format(Disk& disk, const std::string& path, NodeId node, Random& random) {
  FLOTILLA_RETURN_IF_ERROR(CheckEmpty(disk, path));
  Identity identity{.node = node, .incarnation = Incarnation(random.Next() | 1)};
  // Replicas sync the names inside; this one is nobody else's to sync.
  FLOTILLA_RETURN_IF_ERROR(disk.CreateFolder(JoinPath(path, kShardsFolder)));
  FLOTILLA_RETURN_IF_ERROR(
      ReplaceFileDurably(disk, JoinPath(path, kIdentityFile), EncodeIdentity(identity)));
  FLOTILLA_RETURN_IF_ERROR(SyncOwnName(disk, path));
  return identity;
}

absl::Status LogIsGone(const std::string& path) {
  return absl::DataLossError("the write-ahead log " + path +
                             " is gone, and with it what this node has promised to its peers; "
                             "start it with an empty folder under a new node id");
}

bool IsLive(const std::vector<std::pair<ShardId, Generation>>& live, const std::string& shard,
            const std::string& generation) {
  return std::any_of(live.begin(), live.end(), [&](const auto& named) {
    return ToString(named.first) == shard && ToString(named.second) == generation;
  });
}

}  // namespace

std::string EncodeIdentity(const Identity& identity) {
  std::string out;
  PutFormatHeader(out, kIdentityKind, kIdentityVersion);
  PutFixed64(out, identity.node.value());
  PutFixed64(out, identity.incarnation.value());
  PutFixed64(out, identity.cluster.value());
  PutFoundingPlan(out, identity.plan);
  EncodeAddresses(identity.founders, out);
  PutFixed32(out, Crc32c(out));
  return out;
}

absl::StatusOr<Identity> DecodeIdentity(std::string_view bytes) {
  Decoder header(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(header, kIdentityKind, kIdentityVersion, "IDENTITY"));
  if (bytes.size() < 4 ||
      LoadFixed32(bytes.data() + bytes.size() - 4) != Crc32c(bytes.substr(0, bytes.size() - 4))) {
    return absl::DataLossError("IDENTITY is damaged: checksum mismatch");
  }
  Decoder in(header.rest().substr(0, header.rest().size() - 4));
  Identity identity;
  identity.node = NodeId(in.Fixed64());
  identity.incarnation = Incarnation(in.Fixed64());
  identity.cluster = ClusterId(in.Fixed64());
  identity.plan = TakeFoundingPlan(in);
  identity.founders = DecodeAddresses(in);
  FLOTILLA_RETURN_IF_ERROR(in.Finish("IDENTITY"));
  return identity;
}

DataFolder::DataFolder(Disk& disk, std::string path, std::unique_ptr<FileLock> lock,
                       Identity identity)
    : disk_(disk), path_(std::move(path)), lock_(std::move(lock)), identity_(std::move(identity)) {}

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(Disk& disk, const std::string& path,
                                                             NodeId node, Random& random) {
  FLOTILLA_RETURN_IF_ERROR(Annotate(disk.CreateFolder(path), "cannot create the data folder"));
  auto lock = disk.Lock(JoinPath(path, kLockFile));
  if (!lock.ok()) return Annotate(lock.status(), "cannot lock data folder " + path);

  const std::string file = JoinPath(path, kIdentityFile);
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk.Exists(file));
  Identity identity;
  if (exists) {
    FLOTILLA_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(disk, file));
    FLOTILLA_ASSIGN_OR_RETURN(identity, DecodeIdentity(bytes));
  } else {
    FLOTILLA_ASSIGN_OR_RETURN(identity, Format(disk, path, node, random));
  }
  if (identity.node != node) {
    return absl::FailedPreconditionError("data folder " + path + " belongs to node " +
                                         ToString(identity.node) + ", not to node " +
                                         ToString(node));
  }
  return std::unique_ptr<DataFolder>(
      new DataFolder(disk, path, *std::move(lock), std::move(identity)));
}

absl::Status DataFolder::SaveIdentity(Identity identity) {
  FLOTILLA_CHECK_EQ(identity.node, identity_.node);
  // Durable before anything can be promised: the log's own first file comes later, and a power cut
  // in between must not look like a log that was lost.
  FLOTILLA_RETURN_IF_ERROR(disk_.CreateFolder(LogPath()));
  FLOTILLA_RETURN_IF_ERROR(disk_.SyncDir(path_));
  FLOTILLA_RETURN_IF_ERROR(ReplaceFileDurably(disk_, JoinPath(LogPath(), kLogMarkerFile), ""));
  FLOTILLA_RETURN_IF_ERROR(
      ReplaceFileDurably(disk_, JoinPath(path_, kIdentityFile), EncodeIdentity(identity)));
  identity_ = std::move(identity);
  return absl::OkStatus();
}

std::string DataFolder::LogPath() const { return JoinPath(path_, "log"); }

absl::Status DataFolder::CheckLogIsThere() const {
  if (identity_.cluster.is_none()) return absl::OkStatus();
  FLOTILLA_ASSIGN_OR_RETURN(const bool there, disk_.Exists(JoinPath(LogPath(), kLogMarkerFile)));
  return there ? absl::OkStatus() : LogIsGone(LogPath());
}

absl::Status DataFolder::CheckEmptyLogIsNew() const {
  FLOTILLA_ASSIGN_OR_RETURN(const bool in_use, disk_.Exists(JoinPath(LogPath(), kLogInUseFile)));
  return in_use ? LogIsGone(LogPath()) : absl::OkStatus();
}

absl::Status DataFolder::MarkLogInUse() const {
  const std::string file = JoinPath(LogPath(), kLogInUseFile);
  FLOTILLA_ASSIGN_OR_RETURN(const bool marked, disk_.Exists(file));
  return marked ? absl::OkStatus() : ReplaceFileDurably(disk_, file, "");
}

std::string DataFolder::ShardPath(ShardId shard) const {
  return JoinPath(JoinPath(path_, kShardsFolder), ToString(shard));
}

std::string DataFolder::GenerationPath(ShardId shard, Generation generation) const {
  return JoinPath(ShardPath(shard), ToString(generation));
}

absl::Status DataFolder::RemoveUnnamedGenerations(
    const std::vector<std::pair<ShardId, Generation>>& live) const {
  const std::string shards = JoinPath(path_, kShardsFolder);
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk_.Exists(shards));
  if (!exists) return absl::OkStatus();
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk_.List(shards));
  for (const std::string& shard : names) {
    const std::string folder = JoinPath(shards, shard);
    FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> generations, disk_.List(folder));
    for (const std::string& generation : generations) {
      if (IsLive(live, shard, generation)) continue;
      FLOTILLA_RETURN_IF_ERROR(disk_.RemoveTree(JoinPath(folder, generation)));
    }
  }
  return absl::OkStatus();
}

absl::Status DataFolder::RemoveOtherGenerations(ShardId shard, Generation live) const {
  const std::string folder = ShardPath(shard);
  FLOTILLA_ASSIGN_OR_RETURN(const bool exists, disk_.Exists(folder));
  if (!exists) return absl::OkStatus();
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk_.List(folder));
  for (const std::string& name : names) {
    if (name == ToString(live)) continue;
    FLOTILLA_RETURN_IF_ERROR(disk_.RemoveTree(JoinPath(folder, name)));
  }
  return absl::OkStatus();
}

}  // namespace flotilla::node

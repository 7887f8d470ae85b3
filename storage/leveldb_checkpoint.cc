#include "storage/leveldb_checkpoint.h"

#include <memory>
#include <string_view>

#include "base/status_macros.h"
#include "storage/durable_folder.h"
#include "storage/leveldb_recovery.h"

namespace flotilla::storage {
namespace {

absl::Status WriteFile(Disk& disk, const std::string& path, std::string_view contents) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kCreate));
  FLOTILLA_RETURN_IF_ERROR(file->Write(0, contents));
  return file->Close();
}

absl::StatusOr<std::string> ReadPrefix(Disk& disk, const std::string& path, uint64_t bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadOnly));
  return file->Read(0, bytes);
}

}  // namespace

absl::StatusOr<ManifestPosition> CopyLevelDB(Disk& disk, LevelDBEnv& env, const std::string& from,
                                             const std::string& folder) {
  // Before the MANIFEST is read: none of the tables that it names may go before it is linked.
  const LevelDBEnv::RemovalPause pause(env);
  const ManifestPosition position = env.manifest();
  const std::string manifest_name = LevelDBManifestName(position.number);
  FLOTILLA_ASSIGN_OR_RETURN(const std::string manifest,
                            ReadPrefix(disk, JoinPath(from, manifest_name), position.synced_bytes));
  FLOTILLA_ASSIGN_OR_RETURN(const ManifestContents contents,
                            ReadManifest(manifest, position.synced_bytes));

  FLOTILLA_RETURN_IF_ERROR(CreateEmptyFolder(disk, folder));
  for (const auto& [number, size] : contents.tables) {
    const std::string table = LevelDBTableName(number);
    FLOTILLA_RETURN_IF_ERROR(disk.Link(JoinPath(from, table), JoinPath(folder, table)));
  }
  FLOTILLA_RETURN_IF_ERROR(WriteFile(disk, JoinPath(folder, manifest_name), manifest));
  FLOTILLA_RETURN_IF_ERROR(WriteFile(disk, JoinPath(folder, "CURRENT"), manifest_name + "\n"));
  return position;
}

}  // namespace flotilla::storage

#include "base/disk.h"

#include "base/status_macros.h"

namespace flotilla {

absl::StatusOr<std::string> ReadWholeFile(Disk& disk, const std::string& path) {
  FLOTILLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadOnly));
  FLOTILLA_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  return file->Read(0, size);
}

absl::Status ReplaceFileDurably(Disk& disk, const std::string& path, std::string_view contents) {
  const std::string temporary = path + ".tmp";
  {
    FLOTILLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                              disk.Open(temporary, OpenMode::kCreateOrReuse));
    FLOTILLA_RETURN_IF_ERROR(file->Truncate(0));
    FLOTILLA_RETURN_IF_ERROR(file->Write(0, contents));
    FLOTILLA_RETURN_IF_ERROR(file->Sync());
    FLOTILLA_RETURN_IF_ERROR(file->Close());
  }
  FLOTILLA_RETURN_IF_ERROR(disk.Rename(temporary, path));
  return disk.SyncDir(ParentFolder(path));
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string ParentFolder(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace flotilla

// Files, as a port. All calls block, so they belong on a Sequence (executor.h) or in start-up code.
// The posix implementation is in posix_disk.h; the simulator's keeps a page cache that a crash
// forgets, and a decorator can inject faults into either.
//
// Durability, as on Linux: file contents are durable after File::Sync; a name (created, renamed,
// linked, removed) is durable after Disk::SyncDir of its folder. A failed Sync is fatal to the
// caller: pages may have been marked clean (Rebello et al., USENIX ATC 2020), so it is never
// retried.
//
// Errors: kNotFound, kAlreadyExists, kPermissionDenied, kResourceExhausted (disk or quota full,
// descriptors), kDataLoss (an I/O error of the device), kInvalidArgument, kInternal.
#ifndef FLOTILLA_BASE_DISK_H_
#define FLOTILLA_BASE_DISK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flotilla {

// An open file. One thread at a time. Closed by the destructor; a writer that must know calls
// Close.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `size` bytes at `offset`; shorter only at the end of the file.
  virtual absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const = 0;
  // Writes all of `data` at `offset`, growing the file when needed. Not durable before Sync.
  virtual absl::Status Write(uint64_t offset, std::string_view data) = 0;
  // Makes contents and size durable (fdatasync).
  virtual absl::Status Sync() = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;
  virtual absl::StatusOr<uint64_t> Size() const = 0;
  virtual absl::Status Close() = 0;
};

enum class OpenMode {
  kReadOnly,       // must exist
  kReadWrite,      // must exist
  kCreate,         // must not exist
  kCreateOrReuse,  // created when missing, else opened as it is
};

// Held until destroyed: no other process can take the same lock.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Paths are separated by '/'. Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual absl::StatusOr<bool> Exists(const std::string& path) = 0;
  // Names in a folder (not paths), sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Removes a folder and all in it; OK when it does not exist.
  virtual absl::Status RemoveTree(const std::string& folder) = 0;
  // Atomic; replaces `to` when it exists.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // A second name for the same contents (hard link).
  virtual absl::Status Link(const std::string& from, const std::string& to) = 0;
  // Creates the folder and its missing parents; OK when it exists. Not durable before SyncDir.
  virtual absl::Status CreateFolder(const std::string& folder) = 0;
  virtual absl::Status SyncDir(const std::string& folder) = 0;
  virtual absl::StatusOr<uint64_t> FreeBytes(const std::string& folder) = 0;
  // kFailedPrecondition when another process holds it.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) = 0;
};

// The whole file; kNotFound when missing.
absl::StatusOr<std::string> ReadWholeFile(Disk& disk, const std::string& path);

// Replaces `path` so that a crash leaves the old contents or the new, both whole: writes
// `path`.tmp, syncs it, renames it, syncs the folder.
absl::Status ReplaceFileDurably(Disk& disk, const std::string& path, std::string_view contents);

// "a/b" + "c" -> "a/b/c".
std::string JoinPath(std::string_view folder, std::string_view name);
// "a/b/c" -> "a/b"; "c" -> ".".
std::string ParentFolder(std::string_view path);

}  // namespace flotilla

#endif  // FLOTILLA_BASE_DISK_H_

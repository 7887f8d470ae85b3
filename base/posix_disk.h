// Disk on the file system of the machine. Thread-safe; one object serves all.
//
// Every write is a pwrite, every File::Sync an fdatasync, every lock a flock. Some descriptors are
// kept aside, so that connections never take the last from the disk. Running out of them all the
// same is kResourceExhausted with a message that says which limit to raise; only SyncDir, whose
// failure is fatal, waits until there is one.
#ifndef FLOTILLA_BASE_POSIX_DISK_H_
#define FLOTILLA_BASE_POSIX_DISK_H_

#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/posix_descriptor_reserve.h"

namespace flotilla {

class PosixDisk : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  absl::StatusOr<bool> Exists(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status RemoveTree(const std::string& folder) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Link(const std::string& from, const std::string& to) override;
  absl::Status CreateFolder(const std::string& folder) override;
  absl::Status SyncDir(const std::string& folder) override;
  absl::StatusOr<uint64_t> FreeBytes(const std::string& folder) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;

 private:
  // More than are opened at a time.
  PosixDescriptorReserve reserve_{16};
};

// What an errno of a file call means in terms of disk.h. `what` names the call and the path.
absl::Status DiskError(int error_number, const std::string& what);

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_DISK_H_

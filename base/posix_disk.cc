#include "base/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "base/status_macros.h"

namespace flotilla {

namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kFolderMode = 0755;

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  // The result of close: 0, or -1 with errno.
  int Close() { return fd_ < 0 ? 0 : ::close(std::exchange(fd_, -1)); }

 private:
  int fd_;
};

// Calls again after a signal.
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

absl::StatusOr<Descriptor> OpenDescriptor(PosixDescriptorReserve& reserve, const std::string& path,
                                          int flags) {
  const int fd = reserve.Run(
      [&] { return Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); }); });
  if (fd < 0) return DiskError(errno, "open " + path);
  return Descriptor(fd);
}

class PosixFile : public File {
 public:
  PosixFile(Descriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const override {
    std::string data(size, '\0');
    size_t done = 0;
    while (done < size) {
      const ssize_t got = Retry([&] {
        return ::pread(descriptor_.get(), data.data() + done, size - done,
                       static_cast<off_t>(offset + done));
      });
      if (got < 0) return Error("read");
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    data.resize(done);
    return data;
  }

  absl::Status Write(uint64_t offset, std::string_view data) override {
    while (!data.empty()) {
      const ssize_t put = Retry([&] {
        return ::pwrite(descriptor_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      });
      if (put < 0) return Error("write");
      data.remove_prefix(static_cast<size_t>(put));
      offset += static_cast<uint64_t>(put);
    }
    return absl::OkStatus();
  }

  // Not retried after a signal either: what an interrupted sync did is not known.
  absl::Status Sync() override {
    return ::fdatasync(descriptor_.get()) == 0 ? absl::OkStatus() : Error("sync");
  }

  absl::Status Truncate(uint64_t size) override {
    const int result =
        Retry([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); });
    return result == 0 ? absl::OkStatus() : Error("truncate");
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(descriptor_.get(), &info) != 0) return Error("stat");
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Close() override {
    return descriptor_.Close() == 0 ? absl::OkStatus() : Error("close");
  }

 private:
  absl::Status Error(const char* call) const {
    return DiskError(errno, std::string(call) + " " + path_);
  }

  Descriptor descriptor_;
  const std::string path_;
};

class PosixLock : public FileLock {
 public:
  // Closing the descriptor releases the lock.
  explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kReadOnly:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kCreateOrReuse:
      return O_RDWR | O_CREAT;
  }
  return O_RDONLY;
}

absl::StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
    case ENOTEMPTY:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EIO:
      return absl::StatusCode::kDataLoss;
    case EINVAL:
    case EISDIR:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

absl::Status DiskError(int error_number, const std::string& what) {
  std::string message = what + ": " + std::generic_category().message(error_number);
  if (error_number == EMFILE) message += "; raise the process's limit of open files (ulimit -n)";
  if (error_number == ENFILE) message += "; raise the system's limit (sysctl fs.file-max)";
  return absl::Status(CodeOf(error_number), message);
}

absl::StatusOr<std::unique_ptr<File>> PosixDisk::Open(const std::string& path, OpenMode mode) {
  FLOTILLA_ASSIGN_OR_RETURN(Descriptor descriptor, OpenDescriptor(reserve_, path, FlagsOf(mode)));
  struct stat info;
  if (::fstat(descriptor.get(), &info) != 0) return DiskError(errno, "stat " + path);
  // A folder can be opened for reading, but it is no File.
  if (S_ISDIR(info.st_mode)) return DiskError(EISDIR, "open " + path);
  return std::make_unique<PosixFile>(std::move(descriptor), path);
}

absl::StatusOr<bool> PosixDisk::Exists(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return DiskError(errno, "stat " + path);
}

absl::StatusOr<std::vector<std::string>> PosixDisk::List(const std::string& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(
      reserve_.Run([&] { return ::opendir(folder.c_str()); }), ::closedir);
  if (stream == nullptr) return DiskError(errno, "list " + folder);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return DiskError(errno, "list " + folder);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixDisk::Remove(const std::string& path) {
  return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : DiskError(errno, "remove " + path);
}

absl::Status PosixDisk::RemoveTree(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  return error ? DiskError(error.value(), "remove " + folder) : absl::OkStatus();
}

absl::Status PosixDisk::Rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? absl::OkStatus()
                                                 : DiskError(errno, "rename " + from + " to " + to);
}

absl::Status PosixDisk::Link(const std::string& from, const std::string& to) {
  return ::link(from.c_str(), to.c_str()) == 0 ? absl::OkStatus()
                                               : DiskError(errno, "link " + from + " to " + to);
}

absl::Status PosixDisk::CreateFolder(const std::string& folder) {
  for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    const std::string part = folder.substr(0, end);
    if (::mkdir(part.c_str(), kFolderMode) != 0) {
      // Also where the parent is not ours to write to: it is enough that it exists.
      const int error = errno;
      if (!IsFolder(part)) return DiskError(error, "create folder " + part);
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

absl::Status PosixDisk::SyncDir(const std::string& folder) {
  constexpr auto kPause = std::chrono::milliseconds(10);
  auto descriptor = OpenDescriptor(reserve_, folder, O_RDONLY | O_DIRECTORY);
  // Nothing has failed to be synced yet.
  while (absl::IsResourceExhausted(descriptor.status())) {
    std::this_thread::sleep_for(kPause);
    descriptor = OpenDescriptor(reserve_, folder, O_RDONLY | O_DIRECTORY);
  }
  FLOTILLA_RETURN_IF_ERROR(descriptor.status());
  return ::fsync(descriptor->get()) == 0 ? absl::OkStatus() : DiskError(errno, "sync " + folder);
}

absl::StatusOr<uint64_t> PosixDisk::FreeBytes(const std::string& folder) {
  struct statvfs info;
  if (::statvfs(folder.c_str(), &info) != 0) return DiskError(errno, "statvfs " + folder);
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

absl::StatusOr<std::unique_ptr<FileLock>> PosixDisk::Lock(const std::string& path) {
  FLOTILLA_ASSIGN_OR_RETURN(Descriptor descriptor,
                            OpenDescriptor(reserve_, path, O_RDWR | O_CREAT));
  if (Retry([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return DiskError(errno, "lock " + path);
    return absl::FailedPreconditionError(path + ": is locked by another process");
  }
  return std::make_unique<PosixLock>(std::move(descriptor));
}

}  // namespace flotilla

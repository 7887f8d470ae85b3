#include "storage/leveldb_env.h"

#include <limits>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/leveldb_files.h"
#include "storage/leveldb_status.h"

namespace flotilla::storage {
namespace {

using Kind = LevelDBFileName::Kind;

class NoLock : public leveldb::FileLock {};

class NoLogger : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

}  // namespace

LevelDBEnv::LevelDBEnv(const LevelDBWorld& world, std::string folder, Mode mode, FolderState found,
                       DurableListener listener)
    : world_(world),
      folder_(std::move(folder)),
      mode_(mode),
      found_(found),
      listener_(std::move(listener)) {}

// --- What the engine tells and asks.

void LevelDBEnv::Opened(LogIndex index) {
  MutexLock lock(mu_);
  durability_.Opened(index);
}

void LevelDBEnv::BatchReturned(LogIndex index, uint64_t bytes) {
  MutexLock lock(mu_);
  durability_.BatchReturned(index, bytes);
}

LevelDBDurability LevelDBEnv::durability() const {
  MutexLock lock(mu_);
  return durability_;
}

uint64_t LevelDBEnv::removals() const {
  MutexLock lock(mu_);
  return removals_;
}

ManifestPosition LevelDBEnv::manifest() const {
  MutexLock lock(mu_);
  return manifest_;
}

absl::Status LevelDBEnv::failure() const {
  MutexLock lock(mu_);
  return failure_;
}

absl::Status LevelDBEnv::CheckAlive() const {
  MutexLock lock(mu_);
  return dead_ ? failure_ : absl::OkStatus();
}

leveldb::Status LevelDBEnv::Remember(const absl::Status& status) {
  if (!status.ok() && !absl::IsNotFound(status)) {
    MutexLock lock(mu_);
    if (failure_.ok()) failure_ = status;
  }
  return ToLevelDB(status);
}

// After a failed sync the kernel may have marked the pages clean: the next sync would succeed
// without having written them (Rebello et al., USENIX ATC 2020).
void LevelDBEnv::Fatal(const absl::Status& status) {
  {
    MutexLock lock(mu_);
    if (std::exchange(dead_, true)) return;
    failure_ = status;
  }
  world_.on_fatal(Annotate(status, folder_));
}

// --- Files that are read.

leveldb::Status LevelDBEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** result) {
  *result = nullptr;
  absl::StatusOr<std::unique_ptr<File>> file = world_.disk.Open(path, OpenMode::kReadOnly);
  if (!file.ok()) return Remember(file.status());
  const LevelDBFileName name = LevelDBFileName::Parse(path);
  const bool cut =
      found_.exists && name.kind == Kind::kManifest && name.number == found_.manifest_number;
  *result = new LevelDBSequentialFile(
      *std::move(file), cut ? found_.manifest_bytes : std::numeric_limits<uint64_t>::max());
  return leveldb::Status::OK();
}

leveldb::Status LevelDBEnv::NewRandomAccessFile(const std::string& path,
                                                leveldb::RandomAccessFile** result) {
  *result = nullptr;
  absl::StatusOr<std::unique_ptr<File>> file = world_.disk.Open(path, OpenMode::kReadOnly);
  // LevelDB hands NotFound on as if the row did not exist; but a table that is gone is damage.
  if (absl::IsNotFound(file.status())) return leveldb::Status::Corruption("table is gone", path);
  if (!file.ok()) return Remember(file.status());
  *result = new LevelDBRandomAccessFile(*std::move(file));
  return leveldb::Status::OK();
}

bool LevelDBEnv::FileExists(const std::string& path) {
  const absl::StatusOr<bool> exists = world_.disk.Exists(path);
  // LevelDB creates a database where it finds no CURRENT: a disk that cannot tell must not look
  // like an empty one.
  return !exists.ok() || *exists;
}

leveldb::Status LevelDBEnv::GetChildren(const std::string& folder,
                                        std::vector<std::string>* result) {
  absl::StatusOr<std::vector<std::string>> names = world_.disk.List(folder);
  if (!names.ok()) return Remember(names.status());
  *result = *std::move(names);
  return leveldb::Status::OK();
}

leveldb::Status LevelDBEnv::GetFileSize(const std::string& path, uint64_t* size) {
  const absl::StatusOr<std::unique_ptr<File>> file = world_.disk.Open(path, OpenMode::kReadOnly);
  if (!file.ok()) return Remember(file.status());
  const absl::StatusOr<uint64_t> found = (*file)->Size();
  if (!found.ok()) return Remember(found.status());
  *size = *found;
  return leveldb::Status::OK();
}

// --- Files that are written.

absl::Status LevelDBEnv::CreateFresh(const std::string& path, std::unique_ptr<File>* file) {
  FLOTILLA_RETURN_IF_ERROR(CheckAlive());
  absl::Status removed = world_.disk.Remove(path);
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  FLOTILLA_ASSIGN_OR_RETURN(*file, world_.disk.Open(path, OpenMode::kCreate));
  return absl::OkStatus();
}

// The entry in the folder is what LevelDB removes later; its contents are never needed, so neither
// it nor its name is synced.
absl::Status LevelDBEnv::CreateEmptyLog(const std::string& path, uint64_t number) {
  std::unique_ptr<File> file;
  FLOTILLA_RETURN_IF_ERROR(CreateFresh(path, &file));
  MutexLock lock(mu_);
  durability_.LogCreated(number);
  return absl::OkStatus();
}

leveldb::Status LevelDBEnv::NewWritableFile(const std::string& path,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  const LevelDBFileName name = LevelDBFileName::Parse(path);
  if (mode_ == Mode::kReadOnly) {
    if (name.kind == Kind::kTable) return leveldb::Status::IOError("opened read-only", path);
    *result = new LevelDBNullFile;
    return leveldb::Status::OK();
  }
  if (name.kind == Kind::kLog) {
    const absl::Status created = CreateEmptyLog(path, name.number);
    if (created.ok()) *result = new LevelDBNullFile;
    return Remember(created);
  }
  std::unique_ptr<File> file;
  const absl::Status created = CreateFresh(path, &file);
  if (!created.ok()) return Remember(created);
  WritableFileEvents events{
      .allowed = [this] { return CheckAlive(); },
      .synced = [this, path](uint64_t bytes) { return Synced(path, bytes); },
      .sync_failed = [this](const absl::Status& status) { Fatal(status); },
      .write_failed = [this](const absl::Status& status) { Remember(status); },
  };
  *result = new LevelDBWritableFile(std::move(file), std::move(events));
  return leveldb::Status::OK();
}

// The name of a table must last before the MANIFEST names it, that of a MANIFEST before CURRENT
// does. LevelDB syncs a table once, and a MANIFEST after every record.
absl::Status LevelDBEnv::Synced(const std::string& path, uint64_t bytes) {
  const LevelDBFileName name = LevelDBFileName::Parse(path);
  if (name.kind == Kind::kTable) return world_.disk.SyncDir(folder_);
  if (name.kind != Kind::kManifest) return absl::OkStatus();
  bool is_new;
  {
    MutexLock lock(mu_);
    is_new = manifest_.number != name.number;
    manifest_ = {.number = name.number, .synced_bytes = bytes};
  }
  return is_new ? world_.disk.SyncDir(folder_) : absl::OkStatus();
}

leveldb::Status LevelDBEnv::RenameFile(const std::string& from, const std::string& to) {
  if (mode_ == Mode::kReadOnly) return leveldb::Status::OK();
  absl::Status status = CheckAlive();
  if (status.ok()) status = world_.disk.Rename(from, to);
  if (!status.ok()) return Remember(status);
  status = world_.disk.SyncDir(folder_);
  if (!status.ok()) Fatal(status);
  return ToLevelDB(status);
}

// --- Files that go.

leveldb::Status LevelDBEnv::RemoveFile(const std::string& path) {
  if (mode_ == Mode::kReadOnly) return leveldb::Status::OK();
  const absl::Status alive = CheckAlive();
  if (!alive.ok()) return ToLevelDB(alive);
  const LevelDBFileName name = LevelDBFileName::Parse(path);
  // That LevelDB no longer needs the log is the proof, whether or not the entry can be removed.
  if (name.kind == Kind::kLog) LogRemoved(name.number);
  if (name.kind == Kind::kTable && DeferRemoval(path)) return leveldb::Status::OK();
  return ToLevelDB(world_.disk.Remove(path));
}

void LevelDBEnv::LogRemoved(uint64_t number) {
  std::optional<WrittenPoint> durable;
  ManifestPosition position;
  {
    MutexLock lock(mu_);
    ++removals_;
    durable = durability_.LogRemoved(number);
    position = manifest_;
  }
  if (durable.has_value()) listener_(*durable, position);
}

bool LevelDBEnv::DeferRemoval(const std::string& path) {
  MutexLock lock(mu_);
  ++removals_;
  if (removal_pauses_ == 0) return false;
  deferred_removals_.push_back(path);
  return true;
}

LevelDBEnv::RemovalPause::RemovalPause(LevelDBEnv& env) : env_(env) {
  MutexLock lock(env_.mu_);
  ++env_.removal_pauses_;
}

LevelDBEnv::RemovalPause::~RemovalPause() { env_.EndRemovalPause(); }

void LevelDBEnv::EndRemovalPause() {
  std::vector<std::string> paths;
  {
    MutexLock lock(mu_);
    if (--removal_pauses_ > 0 || dead_) return;
    paths.swap(deferred_removals_);
  }
  // One that cannot be removed now is removed when the database is opened again.
  for (const std::string& path : paths) world_.disk.Remove(path).IgnoreError();
}

// --- Folders, which the engine itself creates and removes, and locks, which the node's data folder
// has one for all.

leveldb::Status LevelDBEnv::CreateDir(const std::string&) { return leveldb::Status::OK(); }

leveldb::Status LevelDBEnv::RemoveDir(const std::string& folder) {
  return leveldb::Status::NotSupported("RemoveDir", folder);
}

leveldb::Status LevelDBEnv::LockFile(const std::string&, leveldb::FileLock** lock) {
  *lock = new NoLock;
  return leveldb::Status::OK();
}

leveldb::Status LevelDBEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

// --- Threads and time.

// LevelDB schedules at most one job per database at a time, holding its mutex.
void LevelDBEnv::Schedule(void (*function)(void*), void* argument) {
  world_.pool.Run([function, argument] { function(argument); });
}

void LevelDBEnv::StartThread(void (*)(void*), void*) {
  FLOTILLA_CHECK_MSG(false, "LevelDB starts no threads of its own");
}

uint64_t LevelDBEnv::NowMicros() {
  return static_cast<uint64_t>(world_.clock.Now().time_since_epoch() /
                               std::chrono::microseconds(1));
}

void LevelDBEnv::SleepForMicroseconds(int micros) {
  world_.pool.Sleep(std::chrono::microseconds(micros));
}

leveldb::Status LevelDBEnv::GetTestDirectory(std::string*) {
  return leveldb::Status::NotSupported("GetTestDirectory");
}

leveldb::Status LevelDBEnv::NewLogger(const std::string&, leveldb::Logger** result) {
  *result = new NoLogger;
  return leveldb::Status::OK();
}

}  // namespace flotilla::storage

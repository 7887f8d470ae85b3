#include "tests/simulation/sim_disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::simulation {

namespace {

absl::Status Dead() { return absl::InternalError("the simulated machine has crashed"); }

absl::Status NotFound(const std::string& path) {
  return absl::NotFoundError(path + ": no such file or folder");
}

absl::Status IoError(std::string_view what) {
  return absl::DataLossError(std::string(what) + ": simulated I/O error");
}

}  // namespace

class SimDisk::OpenFile : public File {
 public:
  OpenFile(SimDisk& disk, std::string path, SimFileNode::Ptr node, bool writable)
      : disk_(disk),
        path_(std::move(path)),
        node_(std::move(node)),
        writable_(writable),
        epoch_(disk.epoch_) {}

  absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const override {
    FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
    if (disk_.DrawFault(disk_.fail_next_read_, disk_.options_.read_error)) {
      ++disk_.counts_.read_errors;
      return IoError("read");
    }
    const std::string& data = node_->image.data();
    if (const std::optional<Damage> damage = node_->image.DamageIn(offset, size)) {
      if (*damage == Damage::kUnreadable) {
        ++disk_.counts_.unreadable;
        return IoError("read");
      }
      ++disk_.counts_.changed;
    }
    return offset >= data.size() ? std::string() : data.substr(offset, size);
  }

  absl::Status Write(uint64_t offset, std::string_view data) override {
    FLOTILLA_RETURN_IF_ERROR(BeginWrite());
    if (disk_.DrawFault(disk_.fail_next_write_, disk_.options_.write_error)) {
      ++disk_.counts_.write_errors;
      node_->image.Write(offset, data.substr(0, disk_.random_.Below(data.size() + 1)));
      return IoError("write");
    }
    if (disk_.IsMisdirected(path_) && !data.empty()) {
      disk_.Misdirect(node_, offset, data);
      return absl::OkStatus();
    }
    disk_.NoteWrite(node_);
    const uint64_t room = Room(offset, data.size());
    node_->image.Write(offset, data.substr(0, room));
    if (room < data.size()) {
      ++disk_.counts_.no_space;
      return absl::ResourceExhaustedError("write: no space left on disk");
    }
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kSync));
    if (disk_.DrawFault(disk_.fail_next_sync_, disk_.options_.sync_error)) {
      ++disk_.counts_.sync_errors;
      node_->image.ForgetDirty();
      return IoError("sync");
    }
    node_->image.Sync();
    disk_.NoteSync(node_);
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    FLOTILLA_RETURN_IF_ERROR(BeginWrite());
    const uint64_t old_size = node_->image.data().size();
    if (size > old_size && Room(old_size, size - old_size) < size - old_size) {
      ++disk_.counts_.no_space;
      return absl::ResourceExhaustedError("truncate: no space left on disk");
    }
    node_->image.Truncate(size);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
    return node_->image.data().size();
  }

  absl::Status Close() override {
    closed_ = true;
    return absl::OkStatus();
  }

 private:
  absl::Status Begin(DiskCall call) const {
    if (epoch_ != disk_.epoch_) return Dead();
    if (closed_) return absl::InternalError("the file is closed");
    return disk_.Begin(call);
  }

  absl::Status BeginWrite() const {
    FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kWrite));
    if (!writable_) return absl::PermissionDeniedError("the file was opened for reading only");
    return absl::OkStatus();
  }

  // How many of `size` bytes at `offset` fit on the disk.
  uint64_t Room(uint64_t offset, uint64_t size) const {
    if (disk_.options_.capacity_bytes == UINT64_MAX) return size;
    const uint64_t have = node_->image.data().size();
    const uint64_t used = disk_.UsedBytes();
    const uint64_t free =
        disk_.options_.capacity_bytes - std::min(disk_.options_.capacity_bytes, used);
    if (offset + size <= have + free) return size;
    return have + free <= offset ? 0 : have + free - offset;
  }

  SimDisk& disk_;
  const std::string path_;
  const SimFileNode::Ptr node_;
  const bool writable_;
  const uint64_t epoch_;
  bool closed_ = false;
};

class SimDisk::HeldLock : public FileLock {
 public:
  HeldLock(SimDisk& disk, std::string path)
      : disk_(disk), path_(std::move(path)), epoch_(disk.epoch_) {}
  ~HeldLock() override {
    if (epoch_ == disk_.epoch_) disk_.locks_.erase(path_);
  }

 private:
  SimDisk& disk_;
  const std::string path_;
  const uint64_t epoch_;
};

SimDisk::SimDisk(uint64_t seed, const SimDiskOptions& options) : options_(options), random_(seed) {}

SimDisk::~SimDisk() = default;

absl::StatusOr<std::unique_ptr<File>> SimDisk::Open(const std::string& path, OpenMode mode) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
  SimFileNode::Ptr node = tree_.Find(path);
  if (node != nullptr && node->is_folder) return absl::InvalidArgumentError(path + ": is a folder");
  if (node != nullptr && mode == OpenMode::kCreate) {
    return absl::AlreadyExistsError(path + ": exists");
  }
  if (node == nullptr) {
    if (mode == OpenMode::kReadOnly || mode == OpenMode::kReadWrite) return NotFound(path);
    node = std::make_shared<SimFileNode>();
    FLOTILLA_RETURN_IF_ERROR(tree_.Create(path, node));
  }
  return std::make_unique<OpenFile>(*this, path, std::move(node), mode != OpenMode::kReadOnly);
}

absl::StatusOr<bool> SimDisk::Exists(const std::string& path) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
  return tree_.Find(path) != nullptr;
}

absl::StatusOr<std::vector<std::string>> SimDisk::List(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
  const SimFileNode::Ptr node = tree_.Find(folder);
  if (node == nullptr) return NotFound(folder);
  if (!node->is_folder) return absl::InvalidArgumentError(folder + ": is not a folder");
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names) names.push_back(name);
  return names;
}

absl::Status SimDisk::Remove(const std::string& path) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRemove));
  return tree_.Remove(path);
}

absl::Status SimDisk::RemoveTree(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRemoveTree));
  return tree_.RemoveTree(folder);
}

absl::Status SimDisk::Rename(const std::string& from, const std::string& to) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kName));
  return tree_.Rename(from, to);
}

absl::Status SimDisk::Link(const std::string& from, const std::string& to) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kName));
  return tree_.Link(from, to);
}

absl::Status SimDisk::CreateFolder(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kName));
  for (size_t end = folder.find('/', 1);; end = folder.find('/', end + 1)) {
    const std::string part = folder.substr(0, end);
    const SimFileNode::Ptr node = tree_.Find(part);
    if (node != nullptr && !node->is_folder) return absl::AlreadyExistsError(part + ": is a file");
    if (node == nullptr) {
      auto created = std::make_shared<SimFileNode>();
      created->is_folder = true;
      FLOTILLA_RETURN_IF_ERROR(tree_.Create(part, std::move(created)));
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

absl::Status SimDisk::SyncDir(const std::string& folder) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kSyncFolder));
  if (DrawFault(fail_next_sync_, options_.sync_error)) {
    ++counts_.sync_errors;
    return IoError("sync of " + folder);
  }
  return tree_.SyncFolder(folder);
}

absl::StatusOr<uint64_t> SimDisk::FreeBytes(const std::string&) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kRead));
  return options_.capacity_bytes - std::min(options_.capacity_bytes, UsedBytes());
}

absl::StatusOr<std::unique_ptr<FileLock>> SimDisk::Lock(const std::string& path) {
  FLOTILLA_RETURN_IF_ERROR(Begin(DiskCall::kWrite));
  if (tree_.Find(path) == nullptr) {
    FLOTILLA_RETURN_IF_ERROR(tree_.Create(path, std::make_shared<SimFileNode>()));
  }
  if (!locks_.insert(path).second) {
    return absl::FailedPreconditionError(path + ": is locked by another process");
  }
  return std::make_unique<HeldLock>(*this, path);
}

void SimDisk::Crash(const CrashModel& model) {
  BringStrayHome();
  counts_.lost += tree_.Crash(model, random_);
  Forget();
}

void SimDisk::KillProcess() {
  BringStrayHome();
  Forget();
}

std::unique_ptr<SimDisk> SimDisk::CloneAfterCrash(uint64_t seed, const CrashModel& model) const {
  auto copy = std::make_unique<SimDisk>(seed, options_);
  FLOTILLA_CHECK(!stray_.has_value());
  copy->tree_ = tree_.Clone();
  copy->tree_.Crash(model, copy->random_);
  return copy;
}

void SimDisk::SetErrors(uint32_t read_error, uint32_t write_error, uint32_t sync_error) {
  options_.read_error = read_error;
  options_.write_error = write_error;
  options_.sync_error = sync_error;
}

void SimDisk::DieAtCall(uint64_t k, std::function<void()> died) {
  die_at_call_ = k == 0 ? 0 : calls_ + k;
  omen_ = {};
  died_ = std::move(died);
}

void SimDisk::DieAfterCall(DiskCall kind, uint64_t k, uint64_t more, std::function<void()> died) {
  die_at_call_ = 0;
  omen_ = {.kind = kind, .left = k, .more = more};
  died_ = std::move(died);
}

absl::Status SimDisk::FlipBit(const std::string& path, uint64_t byte_offset, uint32_t bit) {
  const SimFileNode::Ptr node = tree_.Find(path);
  if (node == nullptr || node->is_folder) return NotFound(path);
  node->image.FlipBit(byte_offset, bit);
  return absl::OkStatus();
}

absl::Status SimDisk::LoseSector(const std::string& path, uint64_t offset) {
  const SimFileNode::Ptr node = tree_.Find(path);
  if (node == nullptr || node->is_folder) return NotFound(path);
  node->image.LoseSector(offset);
  return absl::OkStatus();
}

void SimDisk::MisdirectNextWrite(std::string prefix, bool until_vouched) {
  misdirection_ = {.prefix = std::move(prefix), .until_vouched = until_vouched};
}

bool SimDisk::IsMisdirected(const std::string& path) const {
  // One at a time.
  return misdirection_.has_value() && !stray_.has_value() &&
         path.starts_with(misdirection_->prefix);
}

void SimDisk::Misdirect(const SimFileNode::Ptr& file, uint64_t offset, std::string_view bytes) {
  const std::string& data = file->image.data();
  // Sectors begin where the device says: the landing has the same place within one.
  const uint64_t within = offset % kSectorBytes;
  const uint64_t room =
      data.size() < within + bytes.size() ? 0 : data.size() - within - bytes.size();
  std::optional<uint64_t> landing = random_.Below(room / kSectorBytes + 1) * kSectorBytes + within;
  if (*landing == offset || *landing + bytes.size() > data.size()) landing.reset();
  stray_ = {.file = file, .offset = offset, .bytes = std::string(bytes), .landing = landing};
  if (landing.has_value()) stray_->overwritten = data.substr(*landing, bytes.size());
  file->image.WriteElsewhere(offset, landing, bytes);
  if (!std::exchange(misdirection_, std::nullopt)->until_vouched) {
    ++counts_.misdirected;
    stray_.reset();
  }
}

void SimDisk::NoteWrite(const SimFileNode::Ptr& file) {
  if (stray_.has_value() && stray_->file.lock() == file) stray_->followed = true;
}

void SimDisk::NoteSync(const SimFileNode::Ptr& file) {
  if (!stray_.has_value() || stray_->file.lock() != file) return;
  stray_->synced = true;
  if (!stray_->followed) return;
  ++counts_.misdirected;
  stray_.reset();
}

void SimDisk::BringStrayHome() {
  const std::optional<Stray> stray = std::exchange(stray_, std::nullopt);
  const SimFileNode::Ptr file = stray.has_value() ? stray->file.lock() : nullptr;
  if (file == nullptr) return;
  SimFileImage& image = file->image;
  if (stray->landing.has_value()) image.Restore(*stray->landing, stray->overwritten);
  if (stray->synced) {
    image.Restore(stray->offset, stray->bytes);
  } else {
    image.Write(stray->offset, stray->bytes);
  }
}

std::vector<std::string> SimDisk::FilesBelow(const std::string& folder) const {
  std::vector<std::string> paths;
  const SimFileNode::Ptr node = tree_.Find(folder);
  if (node == nullptr || !node->is_folder) return paths;
  for (const auto& [name, child] : node->names) {
    const std::string path = JoinPath(folder, name);
    if (!child->is_folder) {
      paths.push_back(path);
      continue;
    }
    for (std::string& below : FilesBelow(path)) paths.push_back(std::move(below));
  }
  return paths;
}

std::string_view SimDisk::Peek(const std::string& path) const {
  const SimFileNode::Ptr node = tree_.Find(path);
  return node == nullptr ? std::string_view() : std::string_view(node->image.data());
}

Duration SimDisk::TakeLatency() { return std::exchange(latency_, Duration::zero()); }

uint64_t SimDisk::UsedBytes() const {
  uint64_t used = 0;
  tree_.ForEachFile("", [&](const SimFileNode& file) { used += file.image.data().size(); });
  return used;
}

Duration SimDisk::LatencyOf(DiskCall call) const {
  switch (call) {
    case DiskCall::kRead:
      return options_.read_latency_mean;
    case DiskCall::kSync:
    case DiskCall::kSyncFolder:
      return options_.sync_latency_mean;
    default:
      return options_.write_latency_mean;
  }
}

absl::Status SimDisk::Begin(DiskCall call) {
  if (dead_) return Dead();
  ++calls_;
  if (calls_ == die_at_call_) {
    dead_ = true;
    if (died_) std::exchange(died_, nullptr)();
    return Dead();
  }
  if (omen_.left > 0 && call == omen_.kind && --omen_.left == 0) {
    die_at_call_ = calls_ + 1 + omen_.more;
  }
  const Duration mean = LatencyOf(call);
  if (mean > Duration::zero()) latency_ += random_.Exponential(mean);
  if (options_.stall > 0 && random_.Chance(options_.stall, 1'000'000)) {
    latency_ += random_.Exponential(options_.stall_mean);
  }
  return absl::OkStatus();
}

void SimDisk::Forget() {
  ++epoch_;
  locks_.clear();
  dead_ = false;
  die_at_call_ = 0;
  omen_ = {};
  died_ = nullptr;
  fail_next_read_ = fail_next_write_ = fail_next_sync_ = false;
  misdirection_.reset();
  latency_ = {};
}

bool SimDisk::DrawFault(bool& one_shot, uint32_t per_million) {
  if (std::exchange(one_shot, false)) return true;
  return per_million > 0 && random_.Chance(per_million, 1'000'000);
}

}  // namespace flotilla::simulation

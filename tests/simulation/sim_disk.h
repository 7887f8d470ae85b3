// A Disk in memory that behaves as badly as real ones: contents survive a crash only when synced,
// names only when their folder was (sim_folder_tree.h), and every kind of fault can be asked for or
// drawn. With default options it is honest: no fault, no latency; for unit tests of storage.
//
//   SimDisk disk(seed);
//   ... use it ...
//   disk.Crash(CrashModel::LoseAllUnsynced());     // open files are invalid now
//   auto other = disk.CloneAfterCrash(seed, {});   // what a crash now would leave
//
// One thread. Files and locks that outlive a crash fail every call; they must not outlive the disk.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_DISK_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_DISK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/random.h"
#include "tests/simulation/sim_folder_tree.h"

namespace flotilla::simulation {

// What was felt of a disk's faults.
struct DiskCounts {
  uint64_t read_errors = 0;
  uint64_t write_errors = 0;  // after a part was written
  uint64_t sync_errors = 0;
  uint64_t no_space = 0;
  uint64_t unreadable = 0;   // reads that met a latent error
  uint64_t changed = 0;      // reads of what is not what was written
  uint64_t misdirected = 0;  // writes, for good
  CrashLoss lost;            // in crashes
};

struct SimDiskOptions {
  uint64_t capacity_bytes = UINT64_MAX;

  // Chances per million, drawn for every call.
  uint32_t read_error = 0;   // kDataLoss
  uint32_t write_error = 0;  // kDataLoss after a part was written
  uint32_t sync_error = 0;   // kDataLoss; the pages count as clean from then on

  // Time that calls cost, drawn exponentially; collected by TakeLatency.
  Duration read_latency_mean{};
  Duration write_latency_mean{};
  Duration sync_latency_mean{};
  uint32_t stall = 0;  // per million: the call costs a stall besides
  Duration stall_mean = std::chrono::seconds(1);
};

// What a process asks of its disk.
enum class DiskCall : uint8_t { kRead, kWrite, kSync, kName, kRemove, kRemoveTree, kSyncFolder };

class SimDisk : public Disk {
 public:
  explicit SimDisk(uint64_t seed, const SimDiskOptions& options = {});
  ~SimDisk() override;

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

  void SetOptions(const SimDiskOptions& options) { options_ = options; }
  const SimDiskOptions& options() const { return options_; }
  // Single ones of them: chances per million.
  void SetErrors(uint32_t read_error, uint32_t write_error, uint32_t sync_error);
  void SetCapacity(uint64_t bytes) { options_.capacity_bytes = bytes; }

  // The machine loses power: unsynced state goes where the model says, open files become invalid,
  // locks are free, pending one-shot faults are forgotten.
  void Crash(const CrashModel& model);
  // Only the process dies: the page cache lives on.
  void KillProcess();
  // A copy of this disk as a crash now might leave it.
  std::unique_ptr<SimDisk> CloneAfterCrash(uint64_t seed, const CrashModel& model) const;

  // From the k-th call on from now (1 is the next, 0: never) every call fails until Crash or
  // KillProcess; `died`, if given, is called once, when that happens.
  void DieAtCall(uint64_t k, std::function<void()> died = nullptr);
  // The same, when the k-th call of this kind from now on has been carried out and `more` others
  // after it: what a power cut leaves of steps that belong together.
  void DieAfterCall(DiskCall kind, uint64_t k, uint64_t more, std::function<void()> died = nullptr);
  bool dead() const { return dead_; }
  // Disk calls so far: what DieAtCall can enumerate.
  uint64_t calls() const { return calls_; }

  void FailNextRead() { fail_next_read_ = true; }
  void FailNextWrite() { fail_next_write_ = true; }
  void FailNextSync() { fail_next_sync_ = true; }

  // Damage that the device does not report. Offsets beyond the end do nothing.
  absl::Status FlipBit(const std::string& path, uint64_t byte_offset, uint32_t bit);
  // The sector at `offset` cannot be read until it is written again.
  absl::Status LoseSector(const std::string& path, uint64_t offset);
  // The next write of a file whose path begins with `prefix` lands at another place of that file,
  // or of none. With `until_vouched` nobody can take it for a torn write: should a crash come
  // before the file was written elsewhere and synced again, the write is where it belongs.
  void MisdirectNextWrite(std::string prefix, bool until_vouched);

  // Nothing is left. No file may be open.
  void Wipe() { tree_ = SimFolderTree(); }

  // For the harness: neither calls of the disk nor subject to its faults. Paths ascend.
  std::vector<std::string> FilesBelow(const std::string& folder) const;
  // What readers of the file see; empty when there is none.
  std::string_view Peek(const std::string& path) const;
  const DiskCounts& counts() const { return counts_; }

  // The time that calls cost since it was last asked.
  Duration TakeLatency();
  // Of all files that have a name.
  uint64_t UsedBytes() const;

 private:
  class OpenFile;
  class HeldLock;
  struct Misdirection {
    std::string prefix;
    bool until_vouched = false;
  };
  // A write that went astray and that nothing written later vouches for.
  struct Stray {
    std::weak_ptr<SimFileNode> file;
    uint64_t offset = 0;
    std::string bytes;
    std::optional<uint64_t> landing;
    std::string overwritten;  // at the landing
    bool synced = false;
    bool followed = false;  // by another write of the file
  };

  // The next write of this file is to go astray.
  bool IsMisdirected(const std::string& path) const;
  void Misdirect(const SimFileNode::Ptr& file, uint64_t offset, std::string_view bytes);
  void NoteWrite(const SimFileNode::Ptr& file);
  void NoteSync(const SimFileNode::Ptr& file);
  void BringStrayHome();
  // Counts a call; an error when the machine is dead or dies of it.
  absl::Status Begin(DiskCall call);
  Duration LatencyOf(DiskCall call) const;
  void Forget();
  bool DrawFault(bool& one_shot, uint32_t per_million);

  SimDiskOptions options_;
  Random random_;
  SimFolderTree tree_;
  std::set<std::string> locks_;
  // Files opened in an earlier epoch are invalid.
  uint64_t epoch_ = 0;
  uint64_t calls_ = 0;
  uint64_t die_at_call_ = 0;  // 0: not
  struct Omen {
    DiskCall kind = DiskCall::kRead;
    uint64_t left = 0;  // of such calls, 0: none is awaited
    uint64_t more = 0;
  };
  Omen omen_;
  std::function<void()> died_;
  bool dead_ = false;
  bool fail_next_read_ = false;
  bool fail_next_write_ = false;
  bool fail_next_sync_ = false;
  std::optional<Misdirection> misdirection_;
  std::optional<Stray> stray_;
  Duration latency_{};
  mutable DiskCounts counts_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_DISK_H_

// A log on a simulated disk, with a process around it that can be stopped, killed and started anew.
// For tests of the log; everything happens in virtual time, one event at a time.
#ifndef FLOTILLA_TESTS_STORAGE_LOG_RIG_H_
#define FLOTILLA_TESTS_STORAGE_LOG_RIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"
#include "base/logger.h"
#include "storage/log.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_sequence.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::storage {

// Of a log with segments of 8 blocks: header, footer and up to 6 small batches.
LogOptions SmallLog();

class LogRig {
 public:
  explicit LogRig(uint64_t seed = 1, const LogOptions& options = SmallLog());
  // On a disk that another rig left.
  LogRig(uint64_t seed, const LogOptions& options, std::unique_ptr<simulation::SimDisk> disk);
  ~LogRig();

  // Jobs of the sequences take their time from the next Open on; else they take none.
  void SetDelays(const simulation::SimSequenceOptions& delays) { delays_ = delays; }

  // Starts a process and opens the log. The rig lets the next segment be prepared.
  absl::Status Open();
  // Ends the process in an orderly way.
  void Close();
  // Ends it as it is. The page cache lives on.
  void Kill();
  // Ends it by a power cut.
  void PowerCut(const simulation::CrashModel& model);

  // Queues a record and returns its number, from 0; submits when told so.
  size_t Queue(ShardId group, LogRecord record);
  void Submit() { log().Submit(); }
  // Queues, submits and waits for durability (or for nothing more to happen); true if durable.
  bool Append(ShardId group, LogRecord record);
  bool Rewrite(ShardId group);
  bool acked(size_t record) const { return acked_[record]; }
  // In the order in which their callbacks ran.
  const std::vector<size_t>& acks() const { return acks_; }

  absl::StatusOr<std::vector<raft::Entry>> Read(ShardId group, uint64_t first, uint64_t last,
                                                size_t max_bytes = 1 << 20);
  // Virtual time passes; no marker is due within a call of less than its delay.
  void RunFor(Duration time) { world_.RunFor(time); }
  // Until what is under way is done, but no timer of a millisecond or more.
  void Settle() { RunFor(std::chrono::microseconds(100)); }

  bool running() const { return log_ != nullptr; }
  Log& log() { return *log_; }
  const Recovery& recovery() const { return recovery_; }
  // Precondition: recovery found it.
  const RecoveredGroup& recovered(ShardId group) const;
  bool HasRecovered(ShardId group) const;
  const std::vector<absl::Status>& fatal() const { return fatal_; }

  simulation::SimWorld& world() { return world_; }
  simulation::SimDisk& disk() { return *disk_; }
  LogOptions& options() { return options_; }
  // Of the log's segments, oldest first; paths.
  std::vector<std::string> Segments();
  std::vector<std::string> Files(std::string_view prefix);

 private:
  void EndProcess();

  simulation::SimWorld world_;
  simulation::SimClock clock_;
  LogOptions options_;
  simulation::SimSequenceOptions delays_;
  std::unique_ptr<simulation::SimDisk> disk_;
  NullLogger logger_;
  uint64_t life_ = 0;

  std::unique_ptr<simulation::SimExecutor> executor_;
  std::unique_ptr<simulation::SimSequenceSource> sequences_;
  Recovery recovery_;
  std::vector<absl::Status> fatal_;
  std::vector<bool> acked_;
  std::vector<size_t> acks_;
  std::unique_ptr<Log> log_;
};

// --- Records and what they look like. ------------------------------------------------------------

inline constexpr ShardId kGroup{7};
inline constexpr ShardId kOther{8};

raft::Configuration ThreeMembers();
SnapshotRecord Create(uint64_t replica = 1, uint64_t index = 0, uint64_t generation = 1);
// Commands `first` to `last` of one term, with payloads of `bytes` that differ by index and term.
AppendRecord Append(uint64_t first, uint64_t last, uint64_t term = 1, size_t bytes = 10);
AppendRecord Vote(uint64_t term, uint64_t replica);
AppendRecord CommitOnly(uint64_t term, uint64_t commit);
CompactRecord Compact(uint64_t index, uint64_t term = 1, std::string note = "");
raft::Entry MakeEntry(uint64_t index, uint64_t term, size_t bytes = 10);

// "1@1 2@1 3@2": index and term of each.
std::string Describe(const std::vector<raft::Entry>& entries);

}  // namespace flotilla::storage

#endif  // FLOTILLA_TESTS_STORAGE_LOG_RIG_H_

#include "tests/storage/log_rig.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::storage {

using simulation::CrashModel;
using simulation::SimDisk;
using simulation::SimExecutor;
using simulation::SimSequenceSource;

LogOptions SmallLog() {
  LogOptions options;
  options.folder = "data/log";
  options.node = NodeId(3);
  options.incarnation = Incarnation(0x1234);
  options.segment_bytes = 8 * 4096;
  options.budget_bytes = 4 * options.segment_bytes;
  return options;
}

LogRig::LogRig(uint64_t seed, const LogOptions& options)
    : LogRig(seed, options, std::make_unique<SimDisk>(seed)) {}

LogRig::LogRig(uint64_t seed, const LogOptions& options, std::unique_ptr<SimDisk> disk)
    : world_(seed), clock_(world_), options_(options), disk_(std::move(disk)) {}

LogRig::~LogRig() { EndProcess(); }

absl::Status LogRig::Open() {
  EndProcess();
  ++life_;
  Random random = world_.Stream("process", life_);
  executor_ =
      std::make_unique<SimExecutor>(world_, clock_, 0, SimExecutor::Options{}, random.Split());
  sequences_ = std::make_unique<SimSequenceSource>(world_, 0, delays_, random.Split());
  recovery_ = {};
  fatal_.clear();
  auto log = Log::Open(
      options_, *disk_, clock_, *executor_, *sequences_, random, logger_,
      [this](const absl::Status& status) { fatal_.push_back(status); }, &recovery_);
  if (!log.ok()) return log.status();
  log_ = *std::move(log);
  Settle();
  return absl::OkStatus();
}

void LogRig::Close() {
  bool closed = false;
  log().Close([&closed] { closed = true; });
  RunFor(std::chrono::seconds(10));
  FLOTILLA_CHECK(closed);
  Kill();
}

void LogRig::Kill() {
  EndProcess();
  disk_->KillProcess();
}

void LogRig::PowerCut(const CrashModel& model) {
  EndProcess();
  disk_->Crash(model);
}

void LogRig::EndProcess() {
  log_.reset();
  sequences_.reset();
  executor_.reset();
}

size_t LogRig::Queue(ShardId group, LogRecord record) {
  const size_t number = acked_.size();
  acked_.push_back(false);
  log().Append(group, std::move(record), [this, number] {
    acked_[number] = true;
    acks_.push_back(number);
  });
  return number;
}

bool LogRig::Append(ShardId group, LogRecord record) {
  const size_t number = Queue(group, std::move(record));
  Submit();
  Settle();
  return acked_[number];
}

bool LogRig::Rewrite(ShardId group) {
  const auto done = std::make_shared<bool>(false);
  log().Rewrite(group, [done] { *done = true; });
  Settle();
  return *done;
}

absl::StatusOr<std::vector<raft::Entry>> LogRig::Read(ShardId group, uint64_t first, uint64_t last,
                                                      size_t max_bytes) {
  const auto result =
      std::make_shared<absl::StatusOr<std::vector<raft::Entry>>>(absl::UnknownError("no answer"));
  log().ReadEntries(group, LogIndex(first), LogIndex(last), max_bytes,
                    [result](auto entries) { *result = std::move(entries); });
  Settle();
  return *result;
}

const RecoveredGroup& LogRig::recovered(ShardId group) const {
  const auto found = std::find_if(recovery_.groups.begin(), recovery_.groups.end(),
                                  [group](const auto& g) { return g.group == group; });
  FLOTILLA_CHECK(found != recovery_.groups.end());
  return *found;
}

bool LogRig::HasRecovered(ShardId group) const {
  return std::any_of(recovery_.groups.begin(), recovery_.groups.end(),
                     [group](const auto& g) { return g.group == group; });
}

std::vector<std::string> LogRig::Segments() { return Files("segment-"); }

std::vector<std::string> LogRig::Files(std::string_view prefix) {
  std::vector<std::string> paths;
  const auto names = disk_->List(options_.folder);
  if (!names.ok()) return paths;
  for (const std::string& name : *names) {
    if (name.starts_with(prefix)) paths.push_back(JoinPath(options_.folder, name));
  }
  return paths;
}

raft::Configuration ThreeMembers() {
  raft::Configuration configuration;
  for (uint64_t i = 1; i <= 3; ++i) configuration.voters.push_back({NodeId(i), ReplicaId(i)});
  configuration.next_replica_id = ReplicaId(4);
  return configuration;
}

namespace {

raft::SnapshotMeta Meta(uint64_t index, uint64_t term) {
  return {.index = LogIndex(index), .term = Term(term), .configuration = ThreeMembers()};
}

}  // namespace

SnapshotRecord Create(uint64_t replica, uint64_t index, uint64_t generation) {
  return {.replica = ReplicaId(replica),
          .meta = Meta(index, index == 0 ? 0 : 1),
          .generation = Generation(generation),
          .hard_state = {.term = Term(1), .vote = {}, .commit = LogIndex(index)},
          .engine_note = "created"};
}

raft::Entry MakeEntry(uint64_t index, uint64_t term, size_t bytes) {
  std::string payload = std::to_string(index) + "@" + std::to_string(term) + ".";
  while (payload.size() < bytes) payload += static_cast<char>('a' + payload.size() % 26);
  return {.index = LogIndex(index),
          .term = Term(term),
          .kind = raft::EntryKind::kCommand,
          .payload = MakeBytes(std::move(payload))};
}

AppendRecord Append(uint64_t first, uint64_t last, uint64_t term, size_t bytes) {
  AppendRecord record;
  for (uint64_t i = first; i <= last; ++i) record.entries.push_back(MakeEntry(i, term, bytes));
  return record;
}

AppendRecord Vote(uint64_t term, uint64_t replica) {
  return {.hard_state = raft::HardState{.term = Term(term), .vote = ReplicaId(replica)}};
}

AppendRecord CommitOnly(uint64_t term, uint64_t commit) {
  return {.hard_state = raft::HardState{.term = Term(term), .commit = LogIndex(commit)},
          .must_sync = false};
}

CompactRecord Compact(uint64_t index, uint64_t term, std::string note) {
  return {.meta = Meta(index, term), .engine_note = std::move(note)};
}

std::string Describe(const std::vector<raft::Entry>& entries) {
  std::string text;
  for (const raft::Entry& entry : entries) {
    if (!text.empty()) text += ' ';
    text += ToString(entry.index) + "@" + ToString(entry.term);
  }
  return text;
}

}  // namespace flotilla::storage

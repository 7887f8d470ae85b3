// The write-ahead log on the machine's own disk: groups that each keep one append in flight, so
// that a batch is whatever queued during the sync before it. CPU counts all threads of the process.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "base/posix_clock.h"
#include "base/posix_disk.h"
#include "base/posix_executor.h"
#include "base/posix_sequence.h"
#include "benchmark/benchmark.h"
#include "storage/log.h"

namespace flotilla::storage {
namespace {

constexpr size_t kPayloadBytes = 288;
constexpr uint64_t kCompactEvery = 4096;  // entries of a group

class LogLoad {
 public:
  LogLoad(uint64_t groups, uint64_t entries_per_append)
      : folder_(std::filesystem::temp_directory_path() / "flotilla_log_bench"),
        entries_per_append_(entries_per_append),
        payload_(MakeBytes(std::string(kPayloadBytes, 'x'))),
        executor_(clock_, "bench"),
        sequences_({}) {
    std::filesystem::remove_all(folder_);
    LogOptions options;
    options.folder = folder_ / "log";
    options.node = NodeId(1);
    options.incarnation = Incarnation(1);
    Recovery recovery;
    auto log = Log::Open(
        options, disk_, clock_, executor_, sequences_, Random(1), logger_,
        [](const absl::Status& s) { FLOTILLA_CHECK_MSG(s.ok(), s.ToString()); }, &recovery);
    FLOTILLA_CHECK_MSG(log.ok(), log.status().ToString());
    log_ = *std::move(log);
    next_.resize(groups, LogIndex(1));
  }

  ~LogLoad() {
    OnHome([this] { log_.reset(); });
    executor_.Stop();
    std::filesystem::remove_all(folder_);
  }

  // Returns once `appends` of them are durable.
  void Run(uint64_t appends) {
    OnHome([this, appends] {
      left_to_start_ = appends;
      {
        MutexLock lock(mu_);
        left_to_finish_ = appends;
      }
      for (uint64_t group = 0; group < next_.size(); ++group) Start(group);
      log_->Submit();
    });
    MutexLock lock(mu_);
    while (left_to_finish_ != 0) progress_.Wait(mu_);
  }

  uint64_t batches() {
    uint64_t lsn = 0;
    OnHome([&] { lsn = log_->Status().durable_lsn.value(); });
    return lsn;
  }

 private:
  template <typename Work>
  void OnHome(Work work) {
    bool done = false;
    executor_.Post([&] {
      work();
      MutexLock lock(mu_);
      done = true;
      progress_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (!done) progress_.Wait(mu_);  // NOLINT(bugprone-infinite-loop): the task sets it
  }

  void Start(uint64_t group) {
    if (left_to_start_ == 0) return;
    --left_to_start_;
    const ShardId id(group + 1);
    LogIndex& next = next_[group];
    if (next == LogIndex(1)) {
      log_->Append(id, SnapshotRecord{.replica = ReplicaId(1), .generation = Generation(1)}, [] {});
    } else if (next.value() % kCompactEvery < entries_per_append_) {
      log_->Append(id, CompactRecord{.meta = {.index = next.prev(), .term = Term(1)}}, [] {});
    }
    AppendRecord record;
    for (uint64_t i = 0; i < entries_per_append_; ++i, ++next) {
      record.entries.push_back(
          {.index = next, .term = Term(1), .kind = raft::EntryKind::kCommand, .payload = payload_});
    }
    log_->Append(id, std::move(record), [this, group] { Finish(group); });
  }

  void Finish(uint64_t group) {
    Start(group);
    log_->Submit();
    MutexLock lock(mu_);
    if (--left_to_finish_ == 0) progress_.NotifyAll();
  }

  const std::filesystem::path folder_;
  const uint64_t entries_per_append_;
  const SharedBytes payload_;
  PosixClock clock_;
  PosixDisk disk_;
  NullLogger logger_;
  PosixExecutor executor_;
  PosixSequenceSource sequences_;
  std::unique_ptr<Log> log_;
  std::vector<LogIndex> next_;
  uint64_t left_to_start_ = 0;

  Mutex mu_;
  CondVar progress_;
  uint64_t left_to_finish_ ABSL_GUARDED_BY(mu_) = 0;
};

void BM_Append(benchmark::State& state) {
  const auto groups = static_cast<uint64_t>(state.range(0));
  const auto entries = static_cast<uint64_t>(state.range(1));
  LogLoad load(groups, entries);
  load.Run(groups);
  constexpr uint64_t kAppendsPerGroup = 100;
  const uint64_t batches = load.batches();
  for (auto _ : state) load.Run(groups * kAppendsPerGroup);
  const uint64_t appended = state.iterations() * groups * kAppendsPerGroup * entries;
  state.counters["entries/s"] =
      benchmark::Counter(static_cast<double>(appended), benchmark::Counter::kIsRate);
  state.counters["entries/batch"] =
      static_cast<double>(appended) / static_cast<double>(load.batches() - batches);
}
BENCHMARK(BM_Append)
    ->Args({1, 1})
    ->Args({1, 16})
    ->Args({1, 64})
    ->Args({1, 256})
    ->Args({16, 4})
    ->Args({256, 1})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace flotilla::storage

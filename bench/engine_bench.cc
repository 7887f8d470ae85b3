// What the engine costs: puts as the state machine writes them, in batches, and reads of rows in
// tables, on the machine's own file system.
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"
#include "base/posix_background_pool.h"
#include "base/posix_clock.h"
#include "base/posix_disk.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "storage/leveldb_engine_source.h"

namespace flotilla::storage {
namespace {

constexpr int kBackgroundThreads = 2;
constexpr uint64_t kKeys = 1'000'000;
constexpr size_t kValueBytes = 256;

class Bench {
 public:
  Bench() {
    FLOTILLA_CHECK(mkdtemp(root_.data()) != nullptr);
    engine_ = *source_.Open(root_ + "/shards/1/1", "", /*create=*/true);
  }
  ~Bench() {
    engine_.reset();
    FLOTILLA_CHECK(disk_.RemoveTree(root_).ok());
  }

  Engine& engine() { return *engine_; }
  std::string RandomKey() {
    std::string key = std::to_string(random_.Below(kKeys));
    return std::string(16 - key.size(), '0') + key;
  }
  void Write(int puts) {
    WriteBatch batch;
    for (int i = 0; i < puts; ++i) batch.Put(RandomKey(), std::string(kValueBytes, 'v'));
    FLOTILLA_CHECK(engine_->Write(batch, LogIndex(++index_)).ok());
  }

 private:
  std::string root_ = std::filesystem::temp_directory_path() / "engine_bench_XXXXXX";
  PosixDisk disk_;
  PosixClock clock_;
  PosixBackgroundPool pool_{kBackgroundThreads};
  LevelDBEngineSource source_{LevelDBOptions{}, disk_, clock_, pool_,
                              [](const absl::Status&) { FLOTILLA_CHECK(false); }};
  std::unique_ptr<Engine> engine_;
  Random random_{1};
  uint64_t index_ = 0;
};

void BM_Put(benchmark::State& state) {
  Bench bench;
  const int puts = static_cast<int>(state.range(0));
  for (auto _ : state) bench.Write(puts);
  state.SetItemsProcessed(state.iterations() * puts);
}
BENCHMARK(BM_Put)->Arg(1)->Arg(64)->UseRealTime()->MeasureProcessCPUTime();

void BM_Get(benchmark::State& state) {
  Bench bench;
  for (int i = 0; i < 2000; ++i) bench.Write(64);
  for (auto _ : state) {
    FLOTILLA_CHECK(bench.engine().Get(bench.RandomKey()).ok());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Get);

void BM_Stats(benchmark::State& state) {
  Bench bench;
  bench.Write(64);
  for (auto _ : state) benchmark::DoNotOptimize(bench.engine().Stats());
}
BENCHMARK(BM_Stats);

}  // namespace
}  // namespace flotilla::storage

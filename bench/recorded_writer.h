// A caller that never stops writing and records what it was told: puts of keys that nobody else
// writes, in turn with increments of a counter of its own. So the history alone tells, against what
// the store holds in the end, which acknowledged write was lost and which was applied twice.
#ifndef FLOTILLA_BENCH_RECORDED_WRITER_H_
#define FLOTILLA_BENCH_RECORDED_WRITER_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "bench/history_log.h"
#include "flotilla/kv_client.h"

namespace flotilla::bench {

// What all writers of a run share. Constant, but for the counters.
struct RecordedRun {
  KvClient& client;
  HistoryLog& history;
  std::string prefix;    // of all keys
  uint64_t writers = 0;  // how many there are
  WriteOptions options;
  std::atomic<bool> stopped{false};
  std::atomic<uint64_t> acknowledged{0};
};

// Used by one thread.
class RecordedWriter {
 public:
  // `number` is in [0, run.writers). The run must outlive the writer.
  RecordedWriter(RecordedRun& run, uint64_t number) : run_(run), process_(number) {}

  // Writes until the run is stopped and the last write is answered.
  void Run();
  // One put and one increment.
  void WriteOnce();

 private:
  void Put();
  void Increment();
  void Finish(const HistoryOperation& operation, const Status& status);

  RecordedRun& run_;
  uint64_t process_;
  uint64_t puts_ = 0;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_RECORDED_WRITER_H_

// Drives a store with a number of callers, each sending its next operation when the last one is
// answered, and measures what happens between a warm-up and the end.
#ifndef FLOTILLA_BENCH_LOAD_H_
#define FLOTILLA_BENCH_LOAD_H_

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/latency_histogram.h"
#include "bench/store.h"
#include "bench/workload.h"

namespace flotilla::bench {

// What a caller is.
enum class CallStyle : uint8_t {
  kThreads,  // a thread that waits in a synchronous call
  kEvents,   // a chain of asynchronous calls, each started by the answer to the one before
};

struct LoadOptions {
  CallStyle style = CallStyle::kThreads;
  int callers = 256;
  Duration warm_up = std::chrono::seconds(2);
  Duration measured = std::chrono::seconds(5);
  std::vector<pid_t> servers;  // whose CPU time is charged to the operations
};

// Of the measured span alone.
struct LoadResult {
  Duration span{0};
  uint64_t failures = 0;
  absl::Status first_failure;
  LatencyHistogram latencies;  // of the operations that succeeded
  Duration server_cpu{0};      // all servers together
  Duration generator_cpu{0};   // this process
};

// Returns when every caller has had its last answer. kNotFound when a server is gone.
absl::Status RunLoad(Store& store, const Workload& workload, const LoadOptions& options,
                     LoadResult* result);

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_LOAD_H_

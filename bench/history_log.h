// Writes a history of operations as JSON lines in the format flotilla-history/1, which checkers
// read: a header, then one event a line in the order in which they were seen. Each event has an
// index without gaps and the nanoseconds since the run began; every operation is invoked and then
// completed; `process` is a logical client that does one operation at a time.
#ifndef FLOTILLA_BENCH_HISTORY_LOG_H_
#define FLOTILLA_BENCH_HISTORY_LOG_H_

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/posix_clock.h"
#include <nlohmann/json_fwd.hpp>

namespace flotilla::bench {

// What became of an operation.
enum class Completion : uint8_t {
  kOk,    // it happened
  kFail,  // it certainly did not
  kInfo,  // unknown; its process does nothing more
};

struct HistoryOperation {
  uint64_t process = 0;
  std::string_view workload;
  std::string_view function;  // "write", "increment", ...
  std::string_view key;
};

// Thread-safe.
class HistoryLog {
 public:
  // Starts a file, and the run's clock.
  explicit HistoryLog(const std::string& path);

  // The time of each event is taken here: call Invoke before the request leaves.
  void Invoke(const HistoryOperation& operation, const nlohmann::ordered_json& argument);
  // `result` is the operation's result for kOk, else what is known of the error, in words.
  void Complete(const HistoryOperation& operation, Completion completion,
                const nlohmann::ordered_json& result);
  // `fault`: {"f": "kill", "value": ..., "observed": true}.
  void AddFault(const nlohmann::ordered_json& fault);

  // Whether everything so far reached the file.
  bool Flush();

 private:
  void Append(const nlohmann::ordered_json& event, Duration time)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Duration Elapsed() const { return clock_.Now() - start_; }

  const PosixClock clock_;
  const MonoTime start_;
  Mutex mu_;
  std::ofstream file_ ABSL_GUARDED_BY(mu_);
  uint64_t next_index_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_HISTORY_LOG_H_

// Says, line by line on standard output, what a load was answered: how many writes each second,
// and every longer time in which an arc of the ring got no answer. The ring is cut into arcs of one
// size. Times are seconds of the machine's monotonic clock.
//
//   {"second":1234,"acked":2011}
//   {"arc":7,"from":1234.211,"to":1234.802}
#ifndef FLOTILLA_BENCH_SERVICE_LOG_H_
#define FLOTILLA_BENCH_SERVICE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/posix_clock.h"

namespace flotilla::bench {

// Thread-safe.
class ServiceLog {
 public:
  ServiceLog(size_t arcs, Duration shortest_gap);

  size_t ArcOf(std::string_view key) const;

  // The gaps of all arcs begin now. Nothing was acknowledged before.
  void Open();
  // A write of a key in that arc.
  void Acknowledged(size_t arc);
  // Ends all gaps now: what is acknowledged later belongs to the load's own end.
  void Close();

 private:
  void EndGap(size_t arc, MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndSeconds(MonoTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const PosixClock clock_;
  const size_t arcs_;
  const Duration shortest_gap_;

  Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<MonoTime> last_ ABSL_GUARDED_BY(mu_);  // by arc
  int64_t second_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t acked_ ABSL_GUARDED_BY(mu_) = 0;  // in that second
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_SERVICE_LOG_H_

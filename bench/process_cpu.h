// CPU time of processes, as the kernel counts it (to 10 ms).
#ifndef FLOTILLA_BENCH_PROCESS_CPU_H_
#define FLOTILLA_BENCH_PROCESS_CPU_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace flotilla::bench {

// User and system time of all these processes together, with all their threads. kNotFound when one
// of them is gone.
absl::StatusOr<Duration> CpuTimeOf(const std::vector<pid_t>& pids);

// Of this process.
Duration OwnCpuTime();

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_PROCESS_CPU_H_

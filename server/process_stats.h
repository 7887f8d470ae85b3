// What the operating system knows of this process, and its limits.
#ifndef FLOTILLA_SERVER_PROCESS_STATS_H_
#define FLOTILLA_SERVER_PROCESS_STATS_H_

#include <cstdint>

namespace flotilla::server {

struct ProcessStats {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
  uint64_t open_descriptors = 0;
  uint64_t max_descriptors = 0;
  double start_time_seconds = 0;  // since the epoch
};

// Zero where the system does not say.
ProcessStats ReadProcessStats();

// Raises the limit of descriptors as far as the process may, and returns it.
uint64_t RaiseDescriptorLimit();

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PROCESS_STATS_H_

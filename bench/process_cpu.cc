#include "bench/process_cpu.h"

#include <unistd.h>

#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace flotilla::bench {

namespace {

constexpr int kFieldsBeforeUserTime = 11;

// The fields of /proc/PID/stat behind the program's name, which may itself hold spaces and
// brackets.
absl::StatusOr<uint64_t> ClockTicksOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) {
    return absl::NotFoundError(absl::StrCat("process ", pid, " is gone"));
  }
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string skipped;
  for (int i = 0; i < kFieldsBeforeUserTime; ++i) fields >> skipped;
  uint64_t user = 0;
  uint64_t system = 0;
  fields >> user >> system;
  return user + system;
}

}  // namespace

absl::StatusOr<Duration> CpuTimeOf(const std::vector<pid_t>& pids) {
  uint64_t ticks = 0;
  for (const pid_t pid : pids) {
    const absl::StatusOr<uint64_t> more = ClockTicksOf(pid);
    if (!more.ok()) return more.status();
    ticks += *more;
  }
  return Duration(std::chrono::seconds(1)) * ticks / sysconf(_SC_CLK_TCK);
}

Duration OwnCpuTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace flotilla::bench

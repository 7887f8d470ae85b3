#include "tests/simulation/sweep_settings.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace flotilla::simulation {

namespace {

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

uint64_t FromTime() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

SweepOptions SweepSettings() {
  SweepOptions options;
  options.seeds = FromEnvironment("FLOTILLA_SIM_SEEDS", 200);
  options.first = FromEnvironment("FLOTILLA_SIM_FIRST", FromTime());
  options.jobs = 2;
  options.progress = stderr;
  std::printf("%llu seeds from FLOTILLA_SIM_FIRST=%llu\n",
              static_cast<unsigned long long>(options.seeds),
              static_cast<unsigned long long>(options.first));
  return options;
}

}  // namespace flotilla::simulation

#include "server/memory_trimmer.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace flotilla::server {

namespace {

constexpr std::chrono::seconds kInterval(5);
// Less than this is not worth what it costs to get it again.
constexpr size_t kWorthwhile = size_t{32} << 20;

}  // namespace

MemoryTrimmer::MemoryTrimmer() {
  thread_ = std::thread([this] { Run(); });
}

MemoryTrimmer::~MemoryTrimmer() {
  {
    MutexLock lock(mu_);
    stopped_ = true;
    stop_.NotifyAll();
  }
  thread_.join();
}

void MemoryTrimmer::Run() {
  MutexLock lock(mu_);
  while (!stopped_) {
    if (!stop_.WaitFor(mu_, kInterval)) Look();
  }
}

// Only when little was taken or freed since the last time: under load what is free is about to be
// used, and trimming stops whoever allocates meanwhile.
void MemoryTrimmer::Look() {
  const struct mallinfo2 info = mallinfo2();
  const size_t used = info.uordblks + info.hblkhd;
  const size_t before = std::exchange(used_, used);
  const bool quiet = std::max(used, before) - std::min(used, before) < kWorthwhile / 8;
  if (quiet && info.fordblks >= kWorthwhile) malloc_trim(0);
}

}  // namespace flotilla::server

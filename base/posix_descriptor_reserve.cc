#include "base/posix_descriptor_reserve.h"

#include <fcntl.h>
#include <unistd.h>

namespace flotilla {

PosixDescriptorReserve::PosixDescriptorReserve(size_t count) : count_(count), missing_(count) {
  Refill();
}

PosixDescriptorReserve::~PosixDescriptorReserve() {
  for (const int descriptor : kept_) ::close(descriptor);
}

bool PosixDescriptorReserve::GiveUpOne() {
  MutexLock lock(mu_);
  if (kept_.empty()) return false;
  ::close(kept_.back());
  kept_.pop_back();
  missing_.fetch_add(1);
  return true;
}

void PosixDescriptorReserve::Refill() {
  if (missing_.load(std::memory_order_relaxed) == 0) return;
  MutexLock lock(mu_);
  while (kept_.size() < count_) {
    const int descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return;
    kept_.push_back(descriptor);
    missing_.fetch_sub(1);
  }
}

}  // namespace flotilla

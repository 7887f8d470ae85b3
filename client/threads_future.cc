// Waiting for a future: a futex on its phase word, nothing else.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "client/threads_blocking.h"
#include "flotilla/future.h"

namespace flotilla {

namespace client {

namespace {
thread_local bool waiting_is_forbidden = false;
}  // namespace

void ForbidWaitingOnThisThread() { waiting_is_forbidden = true; }

}  // namespace client

inline namespace client_v1 {
namespace internal {

namespace {

using SteadyClock = std::chrono::steady_clock;

uint32_t* WordOf(std::atomic<uint32_t>& phase) {
  static_assert(sizeof(phase) == sizeof(uint32_t));
  return reinterpret_cast<uint32_t*>(&phase);
}

// Returns after a wake-up, a signal, a change of the word, or `limit` (null: none).
void FutexWait(std::atomic<uint32_t>& phase, uint32_t expected, const timespec* limit) {
  syscall(SYS_futex, WordOf(phase), FUTEX_WAIT_PRIVATE, expected, limit, nullptr, 0);
}

void FutexWakeAll(std::atomic<uint32_t>& phase) {
  syscall(SYS_futex, WordOf(phase), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

}  // namespace

FutureStateBase::~FutureStateBase() = default;

void FutureStateBase::Wait() {
  uint32_t phase = phase_.load(std::memory_order_acquire);
  if ((phase & kReady) != 0) return;
  if (client::waiting_is_forbidden) {
    AbortOnMisuse("a continuation waits for a future that only its own thread can make ready");
  }
  phase = phase_.fetch_or(kSleeper, std::memory_order_acq_rel) | kSleeper;
  while ((phase & kReady) == 0) {
    FutexWait(phase_, phase, nullptr);
    phase = phase_.load(std::memory_order_acquire);
  }
}

bool FutureStateBase::WaitFor(std::chrono::nanoseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  uint32_t phase = phase_.fetch_or(kSleeper, std::memory_order_acq_rel) | kSleeper;
  while ((phase & kReady) == 0) {
    const auto left = deadline - SteadyClock::now();
    if (left <= std::chrono::nanoseconds::zero()) return false;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec spec{seconds.count(), (left - seconds).count()};
    FutexWait(phase_, phase, &spec);
    phase = phase_.load(std::memory_order_acquire);
  }
  return true;
}

void FutureStateBase::Continue(std::unique_ptr<Continuation> continuation) {
  continuation_ = std::move(continuation);
  const uint32_t phase = phase_.fetch_or(kContinued, std::memory_order_acq_rel);
  if ((phase & kReady) != 0) {
    const std::unique_ptr<Continuation> ready = std::move(continuation_);
    ready->Run();
  }
}

void FutureStateBase::MarkReady() {
  const uint32_t phase = phase_.fetch_or(kReady, std::memory_order_acq_rel);
  if ((phase & kReady) != 0) AbortOnMisuse("a Promise was filled twice");
  if ((phase & kSleeper) != 0) FutexWakeAll(phase_);
  if ((phase & kContinued) != 0) {
    const std::unique_ptr<Continuation> ready = std::move(continuation_);
    ready->Run();
  }
}

void AbortOnMisuse(const char* what) {
  std::fprintf(stderr, "flotilla: %s\n", what);
  std::abort();
}

}  // namespace internal
}  // namespace client_v1
}  // namespace flotilla

#include "base/posix_background_pool.h"

#include <utility>

#include "base/check.h"

namespace flotilla {

PosixBackgroundPool::PosixBackgroundPool(int threads) {
  FLOTILLA_CHECK_GE(threads, 1);
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { WorkLoop(); });
}

PosixBackgroundPool::~PosixBackgroundPool() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  work_arrived_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void PosixBackgroundPool::Run(Task job) {
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(job));
  }
  work_arrived_.NotifyOne();
}

void PosixBackgroundPool::Sleep(Duration duration) { std::this_thread::sleep_for(duration); }

void PosixBackgroundPool::WorkLoop() {
  mu_.Lock();
  while (true) {
    while (queue_.empty() && !stopping_) work_arrived_.Wait(mu_);
    if (queue_.empty()) break;
    Task job = std::move(queue_.front());
    queue_.pop_front();
    mu_.Unlock();
    job();
    job = nullptr;
    mu_.Lock();
  }
  mu_.Unlock();
}

}  // namespace flotilla

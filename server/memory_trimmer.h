// Gives memory back to the system that the allocator keeps for later: after a load, what memtables
// and log caches took is free, but in pieces that glibc would hold for ever.
#ifndef FLOTILLA_SERVER_MEMORY_TRIMMER_H_
#define FLOTILLA_SERVER_MEMORY_TRIMMER_H_

#include <cstddef>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace flotilla::server {

class MemoryTrimmer {
 public:
  // Looks every few seconds, on a thread of its own, until it is destroyed.
  MemoryTrimmer();
  ~MemoryTrimmer();

 private:
  void Run();
  void Look();

  // In use when it was last looked at.
  size_t used_ = 0;
  Mutex mu_;
  CondVar stop_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_MEMORY_TRIMMER_H_

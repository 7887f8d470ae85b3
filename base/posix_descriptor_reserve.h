// File descriptors kept aside for when the process, or the machine, has none left: whoever must
// open something then gives one up and tries again.
#ifndef FLOTILLA_BASE_POSIX_DESCRIPTOR_RESERVE_H_
#define FLOTILLA_BASE_POSIX_DESCRIPTOR_RESERVE_H_

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace flotilla {

// Thread-safe.
class PosixDescriptorReserve {
 public:
  explicit PosixDescriptorReserve(size_t count);
  ~PosixDescriptorReserve();

  // Calls `open`, and again with a descriptor of the reserve's given up as long as it fails for
  // want of one (EMFILE, ENFILE). The result, and errno, of the last call.
  template <typename Open>
  auto Run(Open open) {
    auto result = open();
    while (IsNone(result) && (errno == EMFILE || errno == ENFILE) && GiveUpOne()) result = open();
    const int error = errno;
    Refill();
    errno = error;
    return result;
  }

 private:
  static bool IsNone(int descriptor) { return descriptor < 0; }
  static bool IsNone(const void* stream) { return stream == nullptr; }

  bool GiveUpOne();
  // As far as there are descriptors again.
  void Refill();

  const size_t count_;
  std::atomic<size_t> missing_ = 0;
  Mutex mu_;
  std::vector<int> kept_ ABSL_GUARDED_BY(mu_);
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_POSIX_DESCRIPTOR_RESERVE_H_

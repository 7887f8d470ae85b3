#include "bench/store.h"

#include <semaphore>
#include <utility>

namespace flotilla::bench {

absl::Status Store::Execute(Operation operation) {
  std::binary_semaphore answered(0);
  absl::Status answer;
  Start(std::move(operation), [&](absl::Status status) {
    answer = std::move(status);
    answered.release();
  });
  answered.acquire();
  return answer;
}

}  // namespace flotilla::bench

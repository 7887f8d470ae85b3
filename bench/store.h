// What the load generator drives: a key-value store behind the calls that are measured. One
// implementation per back end, so that all meet the same callers, keys and values.
#ifndef FLOTILLA_BENCH_STORE_H_
#define FLOTILLA_BENCH_STORE_H_

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace flotilla::bench {

struct Operation {
  enum class Kind : uint8_t { kPut, kGet };

  Kind kind = Kind::kPut;
  std::string key;
  std::string value;  // kPut
};

// Thread-safe.
class Store {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Store() = default;

  // Waits for the answer. A get of a missing key is not an error.
  virtual absl::Status Execute(Operation operation);
  // Calls `done` with the answer, usually on a thread of the store; `done` must not block.
  virtual void Start(Operation operation, Done done) = 0;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_STORE_H_

// Which operations the callers of a load send: kinds, keys and values, drawn from a seed.
#ifndef FLOTILLA_BENCH_WORKLOAD_H_
#define FLOTILLA_BENCH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/random.h"
#include "bench/store.h"

namespace flotilla::bench {

struct WorkloadOptions {
  Operation::Kind kind = Operation::Kind::kPut;
  size_t key_bytes = 16;
  size_t value_bytes = 256;
  uint64_t keys = 100'000;  // drawn uniformly from so many
};

// Thread-safe, given a Random per caller.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);

  Operation Draw(Random& random) const;

 private:
  std::string Value(Random& random) const;

  const WorkloadOptions options_;
  // Values are cut from this: random, so that no store wins by compressing them.
  std::string noise_;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_WORKLOAD_H_

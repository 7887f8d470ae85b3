#include "bench/workload.h"

namespace flotilla::bench {

namespace {

constexpr size_t kNoiseBytes = 1 << 20;
constexpr uint64_t kNoiseSeed = 1;

// Fixed width, so that all keys have the same size.
std::string Key(uint64_t number, size_t width) {
  std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), 'k') + digits;
}

}  // namespace

Workload::Workload(const WorkloadOptions& options) : options_(options) {
  Random random(kNoiseSeed);
  noise_.resize(kNoiseBytes + options.value_bytes);
  for (char& byte : noise_) byte = static_cast<char>(random.Next());
}

Operation Workload::Draw(Random& random) const {
  Operation operation;
  operation.kind = options_.kind;
  operation.key = Key(random.Below(options_.keys), options_.key_bytes);
  if (operation.kind == Operation::Kind::kPut) operation.value = Value(random);
  return operation;
}

std::string Workload::Value(Random& random) const {
  return noise_.substr(random.Below(kNoiseBytes), options_.value_bytes);
}

}  // namespace flotilla::bench

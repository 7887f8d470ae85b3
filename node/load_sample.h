// At which slots a shard was asked: some of the requests of one moment, picked at random.
#ifndef FLOTILLA_NODE_LOAD_SAMPLE_H_
#define FLOTILLA_NODE_LOAD_SAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/coding.h"
#include "sharding/slot.h"

namespace flotilla::node {

struct LoadSample {
  static constexpr size_t kMaxPicked = 32;

  struct At {
    sharding::Slot slot;
    uint64_t requests = 0;
    friend bool operator==(const At&, const At&) = default;
  };

  // At most kMaxPicked. Those for no single slot, such as scans, count here alone.
  uint64_t picked = 0;
  // Ascending by slot. Invariant: their requests are `picked` in sum, or fewer.
  std::vector<At> slots;

  friend bool operator==(const LoadSample&, const LoadSample&) = default;
};

// docs/formats.md, "Between nodes". What breaks the invariants fails the decoder.
void PutLoadSample(std::string& out, const LoadSample& sample);
LoadSample TakeLoadSample(Decoder& in);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_LOAD_SAMPLE_H_

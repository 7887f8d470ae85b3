#include "node/load_sample.h"

namespace flotilla::node {

void PutLoadSample(std::string& out, const LoadSample& sample) {
  PutVarint(out, sample.picked);
  PutVarint(out, sample.slots.size());
  for (const LoadSample::At& at : sample.slots) {
    PutFixed16(out, at.slot.value);
    PutVarint(out, at.requests);
  }
}

LoadSample TakeLoadSample(Decoder& in) {
  LoadSample sample;
  sample.picked = in.Varint();
  const uint64_t count = in.Varint();
  if (sample.picked > LoadSample::kMaxPicked || count > sample.picked) in.Fail();
  uint64_t left = sample.picked;
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    LoadSample::At at{.slot = sharding::Slot{in.Fixed16()}, .requests = in.Varint()};
    const bool ascends = sample.slots.empty() || sample.slots.back().slot < at.slot;
    if (!ascends || at.slot.value >= sharding::kSlotCount || at.requests > left) in.Fail();
    left -= at.requests;
    sample.slots.push_back(at);
  }
  return in.ok() ? sample : LoadSample();
}

}  // namespace flotilla::node

#include "node/load_meter.h"

#include <cmath>
#include <map>

namespace flotilla::node {

namespace {

LoadSample SampleOf(const std::vector<std::optional<sharding::Slot>>& picked) {
  std::map<sharding::Slot, uint64_t> requests;
  for (const std::optional<sharding::Slot>& slot : picked) {
    if (slot.has_value()) ++requests[*slot];
  }
  LoadSample sample;
  sample.picked = picked.size();
  for (const auto& [slot, count] : requests) sample.slots.push_back({slot, count});
  return sample;
}

}  // namespace

void LoadMeter::Count(SlotOf slot_of) {
  rate_.Count();
  if (!samples_) return;
  ++counted_;
  if (picked_.size() < LoadSample::kMaxPicked) {
    picked_.push_back(slot_of());
  } else if (const uint64_t place = random_.Below(counted_); place < picked_.size()) {
    picked_[place] = slot_of();
  }
}

void LoadMeter::Tick(MonoTime now, const Office& office) {
  const bool begins = office != office_;
  if (begins) {
    office_ = office;
    rate_ = RequestRate(now);
    reading_ = {};
  } else if (rate_.Tick(now)) {
    ++reading_.window;
    reading_.per_second = static_cast<uint64_t>(std::llround(rate_.per_second()));
    reading_.sample = SampleOf(picked_);
  } else {
    return;
  }
  counted_ = 0;
  picked_.clear();
}

LoadReading LoadMeter::Read(const Office& office) const {
  return office == office_ ? reading_ : LoadReading();
}

}  // namespace flotilla::node

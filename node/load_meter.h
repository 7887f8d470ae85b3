// What a shard's leader measures of the load that it serves, window by window: how many requests,
// and of some of them, picked at random, at which slots. Another leader, term or arc begins anew:
// what was measured before says nothing of it.
#ifndef FLOTILLA_NODE_LOAD_METER_H_
#define FLOTILLA_NODE_LOAD_METER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "node/load_sample.h"
#include "node/request_rate.h"

namespace flotilla::node {

// Who leads what.
struct Office {
  Term term;  // none: it does not lead
  uint64_t shard_version = 0;
  friend bool operator==(const Office&, const Office&) = default;
};

struct LoadReading {
  uint64_t window = 0;  // counts those of the office, from 1; 0: nothing was measured yet
  uint64_t per_second = 0;
  LoadSample sample;
};

class LoadMeter {
 public:
  // nullopt: the request is for no single slot.
  using SlotOf = absl::FunctionRef<std::optional<sharding::Slot>()>;

  // `samples`: whether anybody will ask at which slots.
  LoadMeter(Random random, bool samples, MonoTime now)
      : random_(random), samples_(samples), rate_(now) {}

  // A request is served. `slot_of` is called for the few that are picked.
  void Count(SlotOf slot_of);
  // More often than once per window, and soon after the office has changed.
  void Tick(MonoTime now, const Office& office);
  // The last whole window of this office.
  LoadReading Read(const Office& office) const;

 private:
  Random random_;
  const bool samples_;
  Office office_;
  RequestRate rate_;
  uint64_t counted_ = 0;
  // Every request of the window so far is among these with the same probability (Vitter's algorithm
  // R). Invariant: as many as were counted, or LoadSample::kMaxPicked.
  std::vector<std::optional<sharding::Slot>> picked_;
  LoadReading reading_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_LOAD_METER_H_

#include "sharding/shard_split.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "sharding/planner_phases.h"

namespace flotilla::sharding {

namespace {

// A split that leaves more than this on one side relieves nobody: the rest is one hot slot, which
// further splits would only cut free of its neighbours.
constexpr uint64_t kLargestSidePercent = 90;

uint64_t Distance(uint64_t a, uint64_t b) { return a < b ? b - a : a - b; }

struct Cut {
  uint64_t difference = 0;   // between the two sides
  uint64_t from_middle = 0;  // of the arc: between two samples any slot would do
  uint32_t at = 0;
  friend auto operator<=>(const Cut&, const Cut&) = default;
};

// How far a shard is over its limits, in percent; 100 or less: not at all.
uint64_t Excess(uint64_t value, uint64_t limit) {
  return limit == 0 ? 0 : value / limit * 100 + value % limit * 100 / limit;
}

}  // namespace

std::optional<Slot> SplitPoint(const ShardView& shard, SplitBy by) {
  const uint32_t first = shard.arc.first.value;
  const uint32_t last = shard.arc.last.value;
  if (first == last) return std::nullopt;
  const uint32_t middle = first + (last - first + 1) / 2;
  const auto amount = [by](const SlotSample& s) {
    return by == SplitBy::kBytes ? s.bytes : s.load;
  };
  uint64_t total = 0;
  for (const SlotSample& sample : shard.samples) total += amount(sample);
  if (total == 0) return Slot{static_cast<uint16_t>(middle)};

  std::optional<Cut> best;
  uint64_t left = 0;
  // All cuts between one sample and the next one are alike: take the one nearest to the middle.
  const auto consider = [&](uint32_t lowest, uint32_t highest) {
    if (lowest > highest) return;
    const uint32_t at = std::clamp(middle, lowest, highest);
    const Cut cut{Distance(left, total - left), Distance(at, middle), at};
    if (!best.has_value() || cut < *best) best = cut;
  };
  uint32_t lowest = first + 1;
  for (const SlotSample& sample : shard.samples) {
    consider(lowest, sample.slot.value);
    left += amount(sample);
    lowest = std::max(first, uint32_t{sample.slot.value}) + 1;
  }
  consider(lowest, last);
  // The larger side is half of the total and half of the difference.
  const bool helps = best.has_value() &&
                     (total + best->difference) / 2 <= total / 100 * kLargestSidePercent +
                                                           total % 100 * kLargestSidePercent / 100;
  if (!helps) return std::nullopt;
  return Slot{static_cast<uint16_t>(best->at)};
}

StepGroup NextSplit(const Placement& placement, const PlannerOptions& options, SplitBy by) {
  if (placement.shards().size() + placement.splits() >= options.max_shards) return {};
  uint64_t worst = 100;
  StepGroup split;
  for (const PlacedShard& shard : placement.shards()) {
    if (!placement.CanChange(shard) || shard.view->kept_whole) continue;
    const uint64_t excess = by == SplitBy::kBytes
                                ? Excess(shard.bytes, options.split_bytes)
                                : Excess(shard.view->divisible_load, options.split_load);
    if (excess <= worst) continue;
    const std::optional<Slot> at = SplitPoint(*shard.view, by);
    if (!at.has_value()) continue;
    worst = excess;
    split = {SplitShard{shard.id, *at}};
  }
  return split;
}

}  // namespace flotilla::sharding

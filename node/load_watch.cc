#include "node/load_watch.h"

#include <algorithm>
#include <cmath>

#include "node/request_rate.h"

namespace flotilla::node {

namespace {

// In spans. The slow average follows a step to two thirds in so many.
constexpr int kSteadySpans = 10;
// It counts when it was taken over so many.
constexpr int kSteadyAfter = 4;
// Samples are weighed by the load of their windows.
constexpr double kSampleUnits = 1000;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// The part of a reading that one of its picked requests stands for.
double WeightOf(uint64_t per_second, const LoadSample& sample) {
  return sample.picked == 0 ? 0
                            : static_cast<double>(per_second) / static_cast<double>(sample.picked);
}

}  // namespace

void LoadWatch::Note(const std::map<ShardId, ShardReport>& shards, MonoTime now) {
  std::erase_if(shards_, [&](const auto& known) { return !shards.contains(known.first); });
  for (const auto& [id, shard] : shards) Note(shard, shards_[id], now);
}

void LoadWatch::Note(const ShardReport& shard, Measured& measured, MonoTime now) const {
  const sharding::ShardClaim& claim = shard.claim;
  // A half of a shard that was split has about half of the load: how much, is yet to be measured.
  if (claim.descriptor.version != measured.shard_version) {
    measured = {.shard_version = claim.descriptor.version};
  }
  std::erase_if(measured.recent, [&](const Reading& reading) { return now - reading.at >= span_; });
  if (claim.leader.term != measured.term) {
    measured.term = claim.leader.term;
    measured.window = 0;
  }
  if (claim.counters.report <= measured.window) return;
  measured.window = claim.counters.report;
  measured.recent.push_back({now, claim.counters.load, shard.load_sample});
  measured.measured_for += RequestRate::kWindow;
  // At first the mean of all that was measured.
  const double weight = Seconds(RequestRate::kWindow) /
                        std::min(Seconds(measured.measured_for), Seconds(span_) * kSteadySpans);
  measured.steady +=
      std::min(weight, 1.0) * (static_cast<double>(claim.counters.load) - measured.steady);
}

// Null unless it was measured for three quarters of the last span: some windows are lost, with a
// message, or with a leader.
const LoadWatch::Measured* LoadWatch::Find(ShardId shard) const {
  const auto known = shards_.find(shard);
  if (known == shards_.end() || known->second.recent.empty()) return nullptr;
  const auto readings = static_cast<int64_t>(known->second.recent.size());
  return readings * RequestRate::kWindow >= span_ * 3 / 4 ? &known->second : nullptr;
}

std::optional<uint64_t> LoadWatch::Recent(ShardId shard) const {
  const Measured* const measured = Find(shard);
  if (measured == nullptr) return std::nullopt;
  uint64_t total = 0;
  for (const Reading& reading : measured->recent) total += reading.per_second;
  return total / measured->recent.size();
}

uint64_t LoadWatch::Divisible(ShardId shard) const {
  const Measured* const measured = Find(shard);
  if (measured == nullptr) return 0;
  double total = 0;
  for (const Reading& reading : measured->recent) {
    uint64_t requests = 0;
    for (const LoadSample::At& at : reading.sample.slots) requests += at.requests;
    total += static_cast<double>(requests) * WeightOf(reading.per_second, reading.sample);
  }
  return static_cast<uint64_t>(total / static_cast<double>(measured->recent.size()));
}

std::vector<sharding::SlotSample> LoadWatch::Samples(ShardId shard) const {
  const Measured* const measured = Find(shard);
  if (measured == nullptr) return {};
  std::map<sharding::Slot, double> loads;
  for (const Reading& reading : measured->recent) {
    const double weight = WeightOf(reading.per_second, reading.sample) * kSampleUnits;
    for (const LoadSample::At& at : reading.sample.slots) {
      loads[at.slot] += weight * static_cast<double>(at.requests);
    }
  }
  std::vector<sharding::SlotSample> samples;
  for (const auto& [slot, load] : loads) {
    samples.push_back({.slot = slot, .load = static_cast<uint64_t>(std::llround(load))});
  }
  return samples;
}

std::optional<uint64_t> LoadWatch::Steady(ShardId shard) const {
  const Measured* const measured = Find(shard);
  if (measured == nullptr || measured->measured_for < kSteadyAfter * span_) return std::nullopt;
  return static_cast<uint64_t>(std::llround(measured->steady));
}

}  // namespace flotilla::node

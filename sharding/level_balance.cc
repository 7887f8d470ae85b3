#include "sharding/level_balance.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace flotilla::sharding {

namespace {

// One part in so many of what is moved.
constexpr double kLeastGain = 3;

double Level(const Vessel& vessel, double change = 0) {
  return (static_cast<double>(vessel.amount) + change) / static_cast<double>(vessel.weight);
}

double MeanLevel(const std::vector<Vessel>& vessels) {
  double amount = 0;
  double weight = 0;
  for (const Vessel& vessel : vessels) {
    amount += static_cast<double>(vessel.amount);
    weight += static_cast<double>(vessel.weight);
  }
  return weight == 0 ? 0 : amount / weight;
}

// The best way to relieve one node.
class BestExchange {
 public:
  // Only what leaves every other node at this level or below will do.
  BestExchange(const Vessel& full, double highest) : full_(full), highest_(highest) {}

  bool IsFound() const { return !steps_.empty(); }

  // Out of the full node into another one, and something back or, with null, nothing.
  void Consider(const Vessel& other, const Parcel& given, const Parcel* taken) {
    const double out = AmountOf(&given);
    const double back = AmountOf(taken);
    StepGroup steps{given.step};
    if (taken != nullptr) steps.push_back(taken->step);
    Offer(out - back, out + back, Level(other, out - back), std::move(steps));
  }

  // Something comes back by way of a third node.
  void Consider(const Vessel& other, const Parcel& given, const Vessel& third,
                const Parcel& passed_on, const Parcel& taken) {
    const double out = AmountOf(&given);
    const double on = AmountOf(&passed_on);
    const double back = AmountOf(&taken);
    Offer(out - back, out + on + back, std::max(Level(other, out - on), Level(third, on - back)),
          {given.step, passed_on.step, taken.step});
  }

  StepGroup Take() && { return std::move(steps_); }

 private:
  static double AmountOf(const Parcel* parcel) {
    return parcel == nullptr ? 0 : static_cast<double>(parcel->amount);
  }

  void Offer(double gain, double moved, double highest_other, StepGroup steps) {
    if (gain <= 0 || gain * kLeastGain < moved || highest_other > highest_) return;
    // Of equally good ones the one that moves less.
    const std::pair rank(std::max(Level(full_, -gain), highest_other), moved);
    if (IsFound() && rank >= best_) return;
    best_ = rank;
    steps_ = std::move(steps);
  }

  const Vessel& full_;
  const double highest_;
  std::pair<double, double> best_;
  StepGroup steps_;
};

void ExchangeWithOne(const Vessel& full, const Vessel& other, ListParcels list_parcels,
                     MayGoAlone may_go_alone, BestExchange& best) {
  const std::vector<Parcel> back = list_parcels(other.node, full.node);
  for (const Parcel& given : list_parcels(full.node, other.node)) {
    if (may_go_alone(full.node, other.node, given)) best.Consider(other, given, nullptr);
    for (const Parcel& taken : back) {
      if (given.leads == taken.leads) best.Consider(other, given, &taken);
    }
  }
}

const Parcel* Smallest(const std::vector<Parcel>& parcels, bool leads) {
  const Parcel* smallest = nullptr;
  for (const Parcel& parcel : parcels) {
    if (parcel.leads != leads) continue;
    if (smallest == nullptr || parcel.amount < smallest->amount) smallest = &parcel;
  }
  return smallest;
}

// `back` is what each of the vessels could give to the full one.
void ExchangeByThird(const Vessel& full, const Vessel& other, const std::vector<Vessel>& vessels,
                     const std::vector<std::vector<Parcel>>& back, ListParcels list_parcels,
                     BestExchange& best) {
  const std::vector<Parcel> givable = list_parcels(full.node, other.node);
  if (givable.empty()) return;
  for (size_t i = 0; i < vessels.size(); ++i) {
    const Vessel& third = vessels[i];
    if (third.node == full.node || third.node == other.node || back[i].empty()) continue;
    const std::vector<Parcel> onward = list_parcels(other.node, third.node);
    for (const Parcel& given : givable) {
      const Parcel* passed_on = Smallest(onward, given.leads);
      const Parcel* taken = Smallest(back[i], given.leads);
      if (passed_on == nullptr || taken == nullptr) continue;
      best.Consider(other, given, third, *passed_on, *taken);
    }
  }
}

bool IsFuller(const Vessel& a, const Vessel& b) {
  if (Level(a) != Level(b)) return Level(a) > Level(b);
  return a.node < b.node;
}

}  // namespace

StepGroup Exchange(const std::vector<Vessel>& vessels, const Tolerance& allowed,
                   ListParcels list_parcels, MayGoAlone may_go_alone) {
  std::vector<Vessel> fullest = vessels;
  std::sort(fullest.begin(), fullest.end(), IsFuller);
  const double mean = MeanLevel(vessels);
  const double tolerance = std::max(mean * allowed.percent / 100, allowed.least);
  for (const Vessel& full : fullest) {
    if (Level(full) <= mean + tolerance) break;
    BestExchange best(full, std::max(mean + tolerance / 2, Level(full) - tolerance));
    for (const Vessel& other : fullest) {
      if (Level(other) < mean) ExchangeWithOne(full, other, list_parcels, may_go_alone, best);
    }
    if (!best.IsFound()) {
      std::vector<std::vector<Parcel>> back;
      for (const Vessel& third : fullest) back.push_back(list_parcels(third.node, full.node));
      for (const Vessel& other : fullest) {
        if (Level(other) >= mean) continue;
        ExchangeByThird(full, other, fullest, back, list_parcels, best);
      }
    }
    if (StepGroup steps = std::move(best).Take(); !steps.empty()) return steps;
  }
  return {};
}

}  // namespace flotilla::sharding

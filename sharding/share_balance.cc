#include "sharding/share_balance.h"

#include <algorithm>
#include <set>
#include <utility>

namespace flotilla::sharding {

namespace {

// The search for one chain, breadth first, so that it is a shortest one.
class ChainSearch {
 public:
  // `holders` ascend: the emptiest first.
  ChainSearch(const std::vector<Holder>& holders, FindStep find_step)
      : holders_(holders), find_step_(find_step) {}

  StepGroup From(size_t start, size_t longest) {
    visited_ = {Visit{start, 0, std::nullopt}};
    std::vector<bool> reached(holders_.size(), false);
    reached[start] = true;
    size_t begin = 0;
    for (size_t length = 1; length <= longest; ++length) {
      const size_t end = visited_.size();
      for (; begin < end; ++begin) {
        for (size_t next = 0; next < holders_.size(); ++next) {
          if (reached[next]) continue;
          std::optional<Step> step =
              find_step_(holders_[visited_[begin].holder].node, holders_[next].node);
          if (!step.has_value()) continue;
          reached[next] = true;
          visited_.push_back({next, begin, std::move(step)});
          if (!MakesMoreEven(holders_[start].share, holders_[next].share)) continue;
          if (StepGroup chain = ChainTo(visited_.size() - 1); !chain.empty()) return chain;
        }
      }
    }
    return {};
  }

 private:
  struct Visit {
    size_t holder;
    size_t before;             // index of the visit that it was reached from
    std::optional<Step> step;  // that leads here
  };

  // Empty when a shard would have to go two steps: each was found possible only by itself.
  StepGroup ChainTo(size_t visit) const {
    StepGroup chain;
    std::set<ShardId> shards;
    for (; visited_[visit].step.has_value(); visit = visited_[visit].before) {
      chain.push_back(*visited_[visit].step);
      if (!shards.insert(ShardOf(chain.back())).second) return {};
    }
    return chain;
  }

  const std::vector<Holder>& holders_;
  FindStep find_step_;
  std::vector<Visit> visited_;
};

bool IsEmptier(const Holder& a, const Holder& b) {
  if (IsNextBefore(a.share, b.share)) return true;
  if (IsNextBefore(b.share, a.share)) return false;
  return a.node < b.node;
}

}  // namespace

StepGroup EvenOut(std::vector<Holder> holders, size_t longest, FindStep find_step) {
  std::sort(holders.begin(), holders.end(), IsEmptier);
  ChainSearch search(holders, find_step);
  for (const size_t length : {size_t{1}, longest}) {
    for (size_t i = holders.size(); i > 0; --i) {
      // The emptiest is the easiest to give to: if not even that helps, nothing does.
      if (!MakesMoreEven(holders[i - 1].share, holders.front().share)) continue;
      if (StepGroup steps = search.From(i - 1, length); !steps.empty()) return steps;
    }
  }
  return {};
}

}  // namespace flotilla::sharding

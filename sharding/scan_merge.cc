#include "sharding/scan_merge.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::sharding {
namespace {

bool IsOf(const std::vector<Arc>& arcs, const std::string& key) {
  const Slot slot = SlotOf(key);
  return std::any_of(arcs.begin(), arcs.end(), [&](const Arc& arc) { return arc.Contains(slot); });
}

}  // namespace

PageLimits ShareOf(const PageLimits& page, size_t shards) {
  constexpr PageLimits kLeast{.rows = 16, .bytes = 16 << 10};
  if (shards <= 1) return page;
  const auto share = [shards](uint64_t whole, uint64_t least) {
    return std::min(whole, std::max(least, whole / shards * 3 / 2));
  };
  return {.rows = share(page.rows, kLeast.rows), .bytes = share(page.bytes, kLeast.bytes)};
}

ScanMerge::ScanMerge(ScanBounds bounds, bool count_only, PageLimits limits)
    : count_only_(count_only),
      limits_(limits),
      range_(std::move(bounds)),
      without_keys_(ArcCover::WithoutKeys(range_.from, range_.to)),
      cover_(without_keys_) {}

void ScanMerge::Take(const Arc& slots, const ScanBounds& asked, ShardPage page) {
  const std::optional<Arc> arc = Overlap(slots, page.arc);
  if (!arc.has_value()) return;
  Taken taken;
  taken.reach = page.resume_key.value_or(asked.reverse ? asked.from : asked.to);
  taken.arcs = cover_.Add(*arc);
  taken.page = std::move(page);
  if (EndsBefore(taken.reach)) {
    ends_early_ = true;
    Bound() = taken.reach;
  }
  // Of a count that is of other slots as well nobody can tell how much is of these.
  if (count_only_ && taken.arcs != std::vector<Arc>{*arc}) taken.arcs.clear();
  pages_.push_back(std::move(taken));
  if (count_only_) DropOtherCounts();
}

bool ScanMerge::EndsBefore(const std::string& reach) const {
  if (range_.reverse) return reach > range_.from;
  return !reach.empty() && (range_.to.empty() || reach < range_.to);
}

void ScanMerge::DropOtherCounts() {
  std::erase_if(
      pages_, [this](const Taken& taken) { return taken.arcs.empty() || taken.reach != Bound(); });
  cover_ = without_keys_;
  for (const Taken& taken : pages_) {
    for (const Arc& arc : taken.arcs) cover_.Add(arc);
  }
}

bool ScanMerge::IsInRange(const std::string& key) const {
  return key >= range_.from && (range_.to.empty() || key < range_.to);
}

ScanMerge::Page ScanMerge::Merge() {
  FLOTILLA_CHECK(Missing().empty());
  Page merged;
  if (ends_early_) merged.resume_key = Bound();
  for (const Taken& taken : pages_) merged.count += taken.page.count;
  merged.rows = AllRows();
  // They are one page at most: sorting them is as good as merging the shards' orders.
  std::sort(merged.rows.begin(), merged.rows.end(), [this](const ScanRow& a, const ScanRow& b) {
    return range_.reverse ? b.key < a.key : a.key < b.key;
  });
  Cut(merged);
  return merged;
}

std::vector<ScanRow> ScanMerge::AllRows() {
  std::vector<ScanRow> rows;
  for (Taken& taken : pages_) {
    for (ScanRow& row : taken.page.rows) {
      if (IsInRange(row.key) && IsOf(taken.arcs, row.key)) rows.push_back(std::move(row));
    }
  }
  return rows;
}

void ScanMerge::Cut(Page& page) const {
  uint64_t bytes = 0;
  size_t fit = 0;
  while (fit < page.rows.size() && fit < limits_.rows && (fit == 0 || bytes < limits_.bytes)) {
    bytes += page.rows[fit].key.size() + page.rows[fit].value.size();
    ++fit;
  }
  if (fit == page.rows.size()) return;
  page.resume_key = range_.reverse ? page.rows[fit - 1].key : page.rows[fit].key;
  page.rows.resize(fit);
}

}  // namespace flotilla::sharding

#include "sharding/arc_cover.h"

#include <algorithm>
#include <cstdint>

namespace flotilla::sharding {
namespace {

// Numbers, because one behind the last slot is none.
Arc Between(uint32_t first, uint32_t end) {
  return {Slot{static_cast<uint16_t>(first)}, Slot{static_cast<uint16_t>(end - 1)}};
}

uint32_t EndOf(const Arc& arc) { return arc.last.value + 1U; }

// The pieces of `arc` that none of `holes` has, which are ascending and disjoint.
std::vector<Arc> Without(const Arc& arc, std::span<const Arc> holes) {
  std::vector<Arc> left;
  uint32_t next = arc.first.value;
  for (const Arc& hole : holes) {
    const std::optional<Arc> gone = Overlap(arc, hole);
    if (!gone.has_value()) continue;
    if (next < gone->first.value) left.push_back(Between(next, gone->first.value));
    next = EndOf(*gone);
  }
  if (next < EndOf(arc)) left.push_back(Between(next, EndOf(arc)));
  return left;
}

bool ByFirst(const Arc& a, const Arc& b) { return a.first < b.first; }

}  // namespace

std::optional<Arc> Overlap(const Arc& a, const Arc& b) {
  const Arc both{std::max(a.first, b.first), std::min(a.last, b.last)};
  if (both.last < both.first) return std::nullopt;
  return both;
}

ArcCover ArcCover::WithoutKeys(std::string_view from, std::string_view to) {
  ArcCover cover;
  const std::optional<Slot> only = SlotOfRange(from, to);
  if (only.has_value()) cover.covered_ = Without(Arc{}, std::vector<Arc>{{*only, *only}});
  return cover;
}

std::vector<Arc> ArcCover::Add(const Arc& arc) {
  std::vector<Arc> fresh = Without(arc, covered_);
  covered_.insert(covered_.end(), fresh.begin(), fresh.end());
  std::sort(covered_.begin(), covered_.end(), ByFirst);
  return fresh;
}

std::vector<Arc> ArcCover::Missing() const { return Without(Arc{}, covered_); }

std::vector<Arc> CutAlong(std::span<const Arc> arcs, std::span<const Arc> known) {
  std::vector<Arc> pieces;
  for (const Arc& arc : arcs) {
    const std::vector<Arc> unknown = Without(arc, known);
    pieces.insert(pieces.end(), unknown.begin(), unknown.end());
    for (const Arc& other : known) {
      const std::optional<Arc> both = Overlap(arc, other);
      if (both.has_value()) pieces.push_back(*both);
    }
  }
  std::sort(pieces.begin(), pieces.end(), ByFirst);
  return pieces;
}

}  // namespace flotilla::sharding

// Which slots of the ring have been dealt with, piece by piece, in any order and however the pieces
// overlap: for work on all shards, each of which says what it answered for.
#ifndef FLOTILLA_SHARDING_ARC_COVER_H_
#define FLOTILLA_SHARDING_ARC_COVER_H_

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sharding/slot.h"

namespace flotilla::sharding {

// The slots that are in both; none: they are apart.
std::optional<Arc> Overlap(const Arc& a, const Arc& b);

class ArcCover {
 public:
  ArcCover() = default;
  // All slots but those that keys of [from, to) can have.
  static ArcCover WithoutKeys(std::string_view from, std::string_view to);

  // Covers the arc. Returns the pieces of it that were not covered before, ascending.
  std::vector<Arc> Add(const Arc& arc);
  // What is not covered, ascending, in as few arcs as it takes.
  std::vector<Arc> Missing() const;

 private:
  std::vector<Arc> covered_;  // ascending, disjoint
};

// The arcs, cut wherever one of `known` begins or ends. Those are ascending and disjoint; what lies
// between two of them stays in one piece.
std::vector<Arc> CutAlong(std::span<const Arc> arcs, std::span<const Arc> known);

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_ARC_COVER_H_

// One page of an ordered scan over all shards, made of one page of every shard. Pure: whoever holds
// it asks the shards, in any order and at the same time.
//
//   while (!(missing = merge.Missing()).empty()) {
//     ask each for slots and range(), and Take() what it answers
//   }
//   merge.Merge()
//
// What a shard's page says of the slots that it owned decides, not what anybody believed to be
// where: after a split or a move in between, what is not covered yet is asked for again. The keys
// of a slot come from one page only, and so are of one state. The merged page ends where the first
// of them ends, and nothing outlives it but the key where the next one begins.
#ifndef FLOTILLA_SHARDING_SCAN_MERGE_H_
#define FLOTILLA_SHARDING_SCAN_MERGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sharding/arc_cover.h"
#include "sharding/slot.h"

namespace flotilla::sharding {

struct ScanRow {
  std::string key;
  std::string value;
  uint64_t version = 0;
  uint64_t created_version = 0;

  friend bool operator==(const ScanRow&, const ScanRow&) = default;
};

// Keys of [from, to), from the top down if `reverse`. An empty `to` is no bound.
struct ScanBounds {
  std::string from;
  std::string to;
  bool reverse = false;
};

// As far as a page goes: it has one row at least, if there is any.
struct PageLimits {
  uint64_t rows = 1000;
  uint64_t bytes = 1 << 20;  // of keys and values
};
// What to ask of each of so many shards: half as much again as its share, because the page ends
// where the first shard's ends, but not so little that the way there costs more than the rows.
PageLimits ShareOf(const PageLimits& page, size_t shards);

class ScanMerge {
 public:
  // What one shard answered.
  struct ShardPage {
    // That it owned in the state that it read.
    Arc arc;
    std::vector<ScanRow> rows;  // in scan order
    uint64_t count = 0;         // instead of rows
    // Where it goes on, as kv::ReadResult says it; none: it came to the end of the range.
    std::optional<std::string> resume_key;
  };
  struct Page {
    std::vector<ScanRow> rows;
    uint64_t count = 0;
    std::optional<std::string> resume_key;
  };

  // `count_only`: shards count rows, and `limits` does not hold.
  ScanMerge(ScanBounds bounds, bool count_only, PageLimits limits);

  // The slots to ask for, without those that no key of the range can have; none: the page can be
  // merged.
  std::vector<Arc> Missing() const { return cover_.Missing(); }
  // In which keys: the page will not go beyond it, and never did where it is smaller than before.
  const ScanBounds& range() const { return range_; }
  // The answer to a question for the keys of `slots` in `asked`, a range() of before.
  void Take(const Arc& slots, const ScanBounds& asked, ShardPage page);

  // Once nothing is missing.
  Page Merge();

 private:
  struct Taken {
    std::vector<Arc> arcs;  // whose keys it counts for
    ShardPage page;
    std::string reach;  // the bound on the far side of its keys
  };

  // The far side of the range: where the scan comes to last.
  std::string& Bound() { return range_.reverse ? range_.from : range_.to; }
  bool EndsBefore(const std::string& reach) const;
  bool IsInRange(const std::string& key) const;
  // A count cannot be cut: of those that went too far nothing is kept.
  void DropOtherCounts();
  std::vector<ScanRow> AllRows();
  void Cut(Page& page) const;

  const bool count_only_;
  const PageLimits limits_;
  ScanBounds range_;
  bool ends_early_ = false;  // not at the end of the range
  const ArcCover without_keys_;
  ArcCover cover_;
  std::vector<Taken> pages_;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SCAN_MERGE_H_

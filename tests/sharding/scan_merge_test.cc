// A scan over shards that split while it goes on, against a plain sorted map.
#include "sharding/scan_merge.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::sharding {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kLast = kSlotCount - 1;

Arc Of(uint64_t first, uint64_t last) {
  return {Slot{static_cast<uint16_t>(first)}, Slot{static_cast<uint16_t>(last)}};
}

using Rows = std::map<std::string, std::string>;

// What a shard answers that owns `arc`: as kv::ExecuteRead does it.
ScanMerge::ShardPage PageOf(const Rows& rows, const Arc& arc, const Arc& slots,
                            const ScanBounds& range, bool count_only, size_t max_rows) {
  std::vector<std::pair<std::string, std::string>> in_range;
  for (const auto& [key, value] : rows) {
    const bool inside = key >= range.from && (range.to.empty() || key < range.to);
    if (inside) in_range.emplace_back(key, value);
  }
  if (range.reverse) std::reverse(in_range.begin(), in_range.end());
  ScanMerge::ShardPage page;
  page.arc = arc;
  std::string looked_at;
  size_t taken = 0;
  for (const auto& [key, value] : in_range) {
    if (taken == max_rows) {
      page.resume_key = range.reverse ? looked_at : key;
      break;
    }
    looked_at = key;
    if (!arc.Contains(SlotOf(key)) || !slots.Contains(SlotOf(key))) continue;
    ++taken;
    if (count_only) {
      ++page.count;
    } else {
      page.rows.push_back({.key = key, .value = value});
    }
  }
  return page;
}

// Shards that split now and then, and keys of which some stay and others come and go.
class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {
    for (uint64_t left = random_.Between(0, 60); left > 0; --left) {
      std::string key = DrawKey();
      rows_[key] = "steady";
      steady_.insert(std::move(key));
    }
    arcs_ = {Arc{}};
    for (uint64_t left = random_.Below(6); left > 0; --left) Split();
  }

  void Split() {
    const size_t parent = random_.Below(arcs_.size());
    Arc& arc = arcs_[parent];
    if (arc.first == arc.last) return;
    before_ = arcs_;
    const uint64_t at = random_.Between(arc.first.value + 1U, arc.last.value);
    const Arc child = Of(at, arc.last.value);
    arc.last = Slot{static_cast<uint16_t>(at - 1)};
    arcs_.insert(arcs_.begin() + static_cast<ptrdiff_t>(parent) + 1, child);
  }

  void Change() {
    const std::string key = DrawKey();
    if (steady_.contains(key)) {
      rows_[key] = "changed";
    } else if (!rows_.erase(key)) {
      rows_[key] = "passing";
    }
  }

  // The arc of the shard that answers for a slot: it may not know of the last split yet.
  Arc OwnerOf(Slot slot) {
    const std::vector<Arc>& arcs = !before_.empty() && random_.Chance(1, 4) ? before_ : arcs_;
    for (const Arc& arc : arcs) {
      if (arc.Contains(slot)) return arc;
    }
    return Arc{};
  }

  std::string DrawKey() {
    const char* tag = random_.Chance(1, 3) ? "{tag}" : "";
    return tag + std::to_string(random_.Below(200));
  }

  Random& random() { return random_; }
  const Rows& rows() const { return rows_; }
  const std::set<std::string>& steady() const { return steady_; }
  const std::vector<Arc>& arcs() const { return arcs_; }

 private:
  Random random_;
  Rows rows_;
  std::set<std::string> steady_;  // there from beginning to end
  std::vector<Arc> arcs_;
  std::vector<Arc> before_;  // the last split
};

// Asks as the map of somebody says who may be wrong, in any order, while the world goes on.
ScanMerge::Page MergedPage(World& world, const ScanBounds& range, bool count_only,
                           PageLimits limits, bool changes) {
  Random& random = world.random();
  ScanMerge merge(range, count_only, limits);
  for (std::vector<Arc> missing; !(missing = merge.Missing()).empty();) {
    std::vector<Arc> asked = CutAlong(missing, world.arcs());
    // Now and then somebody asks for more than is missing.
    if (random.Chance(1, 4)) asked.push_back(Arc{});
    random.Shuffle(asked);
    const ScanBounds bounds = merge.range();
    const PageLimits share = ShareOf(limits, random.Between(1, 8));
    for (const Arc& slots : asked) {
      if (changes && random.Chance(1, 3)) world.Change();
      if (random.Chance(1, 6)) world.Split();
      const size_t most = count_only ? random.Between(1, 30) : share.rows;
      merge.Take(slots, bounds,
                 PageOf(world.rows(), world.OwnerOf(slots.first), slots, bounds, count_only, most));
    }
  }
  return merge.Merge();
}

ScanBounds DrawRange(World& world) {
  ScanBounds range;
  range.reverse = world.random().Chance(1, 2);
  if (world.random().Chance(1, 2)) return range;
  if (world.random().Chance(1, 4)) {
    range.from = "{tag}";
    range.to = "{tag~";
    return range;
  }
  range.from = world.DrawKey();
  range.to = world.DrawKey();
  if (range.to < range.from) std::swap(range.from, range.to);
  return range;
}

bool Contains(const ScanBounds& range, const std::string& key) {
  return key >= range.from && (range.to.empty() || key < range.to);
}

void Resume(ScanBounds& range, const std::string& key) {
  (range.reverse ? range.to : range.from) = key;
}

TEST(ScanMerge, GivesWhatASortedMapGives) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    const ScanBounds range = DrawRange(world);
    std::vector<std::string> expected;
    for (const auto& [key, value] : world.rows()) {
      if (Contains(range, key)) expected.push_back(key);
    }
    if (range.reverse) std::reverse(expected.begin(), expected.end());
    const PageLimits limits{.rows = world.random().Between(1, 40)};
    std::vector<std::string> got;
    ScanBounds rest = range;
    for (int pages = 0; pages < 1000; ++pages) {
      const ScanMerge::Page page = MergedPage(world, rest, false, limits, /*changes=*/false);
      ASSERT_LE(page.rows.size(), limits.rows);
      for (const ScanRow& row : page.rows) got.push_back(row.key);
      if (!page.resume_key.has_value()) break;
      Resume(rest, *page.resume_key);
    }
    ASSERT_EQ(got, expected) << "seed " << seed;
  }
}

TEST(ScanMerge, NeitherLosesNorRepeatsAKeyWhileEverythingChanges) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    World world(seed);
    const ScanBounds range = DrawRange(world);
    ScanBounds rest = range;
    std::vector<std::string> got;
    for (bool done = false; !done;) {
      const PageLimits limits{.rows = world.random().Between(1, 20)};
      const ScanMerge::Page page = MergedPage(world, rest, false, limits, /*changes=*/true);
      for (const ScanRow& row : page.rows) {
        ASSERT_TRUE(Contains(rest, row.key)) << "seed " << seed;
        if (!got.empty()) {
          ASSERT_TRUE(range.reverse ? row.key < got.back() : row.key > got.back());
        }
        got.push_back(row.key);
      }
      done = !page.resume_key.has_value();
      if (!done) Resume(rest, *page.resume_key);
    }
    for (const std::string& key : world.steady()) {
      if (!Contains(range, key)) continue;
      ASSERT_EQ(std::count(got.begin(), got.end(), key), 1) << key << ", seed " << seed;
    }
  }
}

TEST(ScanMerge, CountsEveryKeyOnce) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed);
    const ScanBounds range = DrawRange(world);
    uint64_t expected = 0;
    for (const auto& [key, value] : world.rows()) expected += Contains(range, key) ? 1 : 0;
    uint64_t counted = 0;
    ScanBounds rest = range;
    for (bool done = false; !done;) {
      const ScanMerge::Page page = MergedPage(world, rest, true, {}, /*changes=*/false);
      counted += page.count;
      done = !page.resume_key.has_value();
      if (!done) Resume(rest, *page.resume_key);
    }
    ASSERT_EQ(counted, expected) << "seed " << seed;
  }
}

TEST(ScanMerge, EndsWhereTheFirstShardEnds) {
  ScanMerge merge({}, false, {});
  merge.Take(Of(0, 8191), {}, {.arc = Of(0, 8191), .rows = {}, .resume_key = "c"});
  EXPECT_EQ(merge.range().to, "c") << "what lies behind need not be asked for";
  merge.Take(Of(8192, kLast), {}, {.arc = Of(8192, kLast), .rows = {{.key = "b"}, {.key = "c"}}});
  const Slot slot = SlotOf("b");
  const ScanMerge::Page page = merge.Merge();
  EXPECT_EQ(page.rows.size(), slot.value >= 8192 ? 1 : 0);
  EXPECT_EQ(page.resume_key, "c");
}

TEST(ScanMerge, AsksAgainForWhatASplitTookAway) {
  ScanMerge merge({}, false, {});
  merge.Take(Arc{}, {}, {.arc = Of(0, 99)});
  EXPECT_THAT(merge.Missing(), ElementsAre(Of(100, kLast)));
  merge.Take(Of(100, kLast), {}, {.arc = Of(50, kLast)});
  EXPECT_THAT(merge.Missing(), IsEmpty());
}

TEST(ScanMerge, TakesTheKeysOfASlotFromOnePage) {
  const Slot slot = SlotOf("k");
  const Arc child{slot, slot};
  ScanMerge merge({}, false, {});
  merge.Take(child, {}, {.arc = child, .rows = {{.key = "k", .value = "of the child"}}});
  merge.Take(Arc{}, {}, {.arc = Arc{}, .rows = {{.key = "k", .value = "of the stale parent"}}});
  EXPECT_THAT(merge.Merge().rows, ElementsAre(ScanRow{.key = "k", .value = "of the child"}));
}

TEST(ScanMerge, AsksOnlyForTheSlotOfAHashTag) {
  const Slot slot = SlotOf("{tag}");
  ScanMerge merge({.from = "{tag}", .to = "{tag~"}, true, {});
  EXPECT_THAT(merge.Missing(), ElementsAre(Arc{slot, slot}));
  merge.Take({slot, slot}, merge.range(), {.arc = {}, .rows = {}, .count = 7, .resume_key = {}});
  EXPECT_THAT(merge.Missing(), IsEmpty());
  EXPECT_EQ(merge.Merge().count, 7);
}

TEST(ScanMerge, IsBoundedInBytesButNotBeforeOneRow) {
  ScanMerge merge({}, false, {.rows = 1000, .bytes = 10});
  merge.Take(Arc{}, {},
             {.arc = Arc{}, .rows = {{.key = "a", .value = std::string(100, 'x')}, {.key = "b"}}});
  const ScanMerge::Page page = merge.Merge();
  EXPECT_EQ(page.rows.size(), 1);
  EXPECT_EQ(page.resume_key, "b");
}

TEST(ShareOf, HalfAgainAsMuchAsItsPartButNotTooLittle) {
  const PageLimits page{.rows = 1000, .bytes = 1 << 20};
  EXPECT_EQ(ShareOf(page, 1).rows, 1000);
  EXPECT_EQ(ShareOf(page, 10).rows, 150);
  EXPECT_EQ(ShareOf(page, 1000).rows, 16);
  EXPECT_EQ(ShareOf(page, 1000).bytes, 16 << 10);
  EXPECT_EQ(ShareOf({.rows = 3, .bytes = 5}, 1000).rows, 3);
}

}  // namespace
}  // namespace flotilla::sharding

#include "storage/map_rows.h"

#include <string>

#include "base/random.h"
#include "tests/storage/engine_world.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

WriteBatch Put(std::string key, std::string value) {
  WriteBatch batch;
  batch.Put(std::move(key), std::move(value));
  return batch;
}
WriteBatch Delete(std::string key) {
  WriteBatch batch;
  batch.Delete(std::move(key));
  return batch;
}

TEST(MapRows, APinSeesTheRowsAsTheyWere) {
  MapRows rows;
  rows.Apply(Put("a", "1"));
  const auto pin = rows.PinNow();
  rows.Apply(Put("a", "2"));
  rows.Apply(Put("b", "2"));
  EXPECT_EQ(rows.Get(*pin, "a"), "1");
  EXPECT_EQ(rows.Get(*pin, "b"), std::nullopt);
  EXPECT_EQ(rows.GetNow("a"), "2");
}

TEST(MapRows, TwoPinsSeeDifferentStates) {
  MapRows rows;
  rows.Apply(Put("a", "1"));
  const auto first = rows.PinNow();
  rows.Apply(Delete("a"));
  const auto second = rows.PinNow();
  rows.Apply(Put("a", "3"));
  EXPECT_EQ(rows.Get(*first, "a"), "1");
  EXPECT_EQ(rows.Get(*second, "a"), std::nullopt);
  EXPECT_EQ(rows.GetNow("a"), "3");
}

TEST(MapRows, AnIteratorStandsWhileRowsAroundItGo) {
  MapRows rows;
  for (const char* key : {"a", "b", "c"}) rows.Apply(Put(key, key));
  const auto it = MapRows::NewIterator(rows.PinNow());
  it->Seek("b");
  for (const char* key : {"a", "b", "c"}) rows.Apply(Delete(key));
  rows.Apply(Put("bb", "new"));
  EXPECT_EQ(it->value(), "b");
  it->Next();
  EXPECT_EQ(it->key(), "c");
  it->SeekForPrev("b~");
  EXPECT_EQ(it->key(), "b");
  it->Prev();
  EXPECT_EQ(it->key(), "a");
}

TEST(MapRows, CountsTheBytesOfTheNewestRows) {
  MapRows rows;
  rows.Apply(Put("key", "12345"));
  EXPECT_EQ(rows.bytes(), 8u);
  const auto pin = rows.PinNow();
  rows.Apply(Put("key", "1"));
  EXPECT_EQ(rows.bytes(), 4u);
  rows.Apply(Delete("key"));
  rows.Apply(Delete("key"));
  EXPECT_EQ(rows.bytes(), 0u);
}

TEST(MapRows, ManyPinsAgreeWithCopies) {
  Random random(1);
  MapRows rows;
  Rows model;
  std::vector<std::pair<MapRows::SharedPin, Rows>> pins;
  for (int i = 0; i < 3000; ++i) {
    WriteBatch batch;
    for (uint64_t n = random.Below(4); n > 0; --n) {
      std::string key(1, static_cast<char>('a' + random.Below(10)));
      if (random.Chance(1, 3)) {
        batch.Delete(std::move(key));
      } else {
        batch.Put(std::move(key), std::to_string(i));
      }
    }
    rows.Apply(batch);
    ApplyTo(model, batch);
    if (random.Chance(1, 4)) pins.emplace_back(rows.PinNow(), model);
    if (!pins.empty() && random.Chance(1, 4)) {
      const size_t gone = random.Below(pins.size());
      Rows seen;
      const auto it = MapRows::NewIterator(pins[gone].first);
      for (it->Seek(""); it->Valid(); it->Next()) seen.emplace(it->key(), it->value());
      ASSERT_EQ(seen, pins[gone].second);
      pins.erase(pins.begin() + static_cast<ptrdiff_t>(gone));
    }
  }
}

}  // namespace
}  // namespace flotilla::storage

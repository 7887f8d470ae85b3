#include "storage/leveldb_durability.h"

#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

// A database that was opened at index 100 with the log 5.
LevelDBDurability OpenedAt100() {
  LevelDBDurability durability;
  durability.LogCreated(5);
  durability.Opened(LogIndex(100));
  return durability;
}

TEST(LevelDBDurability, WhatTheOpenedDatabaseHoldsIsDurable) {
  const LevelDBDurability durability = OpenedAt100();
  EXPECT_EQ(durability.durable().index, LogIndex(100));
  EXPECT_EQ(durability.written().index, LogIndex(100));
}

TEST(LevelDBDurability, RemovalsWhileOpeningProveNothing) {
  LevelDBDurability durability;
  durability.LogCreated(5);
  EXPECT_EQ(durability.LogRemoved(3), std::nullopt);
  durability.Opened(LogIndex(100));
  EXPECT_EQ(durability.durable().index, LogIndex(100));
}

TEST(LevelDBDurability, TheRemovalOfALogProvesWhatHadReturnedWhenTheNextWasCreated) {
  LevelDBDurability durability = OpenedAt100();
  durability.BatchReturned(LogIndex(101), 10);
  durability.LogCreated(7);
  durability.BatchReturned(LogIndex(102), 10);
  const auto proven = durability.LogRemoved(5);
  ASSERT_TRUE(proven.has_value());
  EXPECT_EQ(proven->index, LogIndex(101)) << "102 is in the memtable of log 7";
  EXPECT_EQ(durability.durable(), *proven);
}

TEST(LevelDBDurability, ALogOfAnEarlierLifeThatGoesLateProvesNothing) {
  LevelDBDurability durability = OpenedAt100();
  durability.BatchReturned(LogIndex(101), 10);
  durability.LogCreated(7);
  EXPECT_EQ(durability.LogRemoved(3), std::nullopt);
}

TEST(LevelDBDurability, ARepeatedRemovalProvesNothingNew) {
  LevelDBDurability durability = OpenedAt100();
  durability.BatchReturned(LogIndex(101), 10);
  durability.LogCreated(7);
  EXPECT_TRUE(durability.LogRemoved(5).has_value());
  EXPECT_EQ(durability.LogRemoved(5), std::nullopt);
}

TEST(LevelDBDurability, BatchesOfOneIndexAreToldApart) {
  LevelDBDurability durability = OpenedAt100();
  durability.BatchReturned(LogIndex(100), 10);
  durability.LogCreated(7);
  const auto proven = durability.LogRemoved(5);
  ASSERT_TRUE(proven.has_value()) << "the index is the same, but more is durable";
  EXPECT_EQ(proven->batches, 1u);
}

TEST(LevelDBDurability, CountsWhatIsInMemory) {
  LevelDBDurability durability = OpenedAt100();
  durability.BatchReturned(LogIndex(101), 10);
  EXPECT_EQ(durability.filling_bytes(), 10u);
  EXPECT_FALSE(durability.flushing());
  durability.LogCreated(7);
  durability.BatchReturned(LogIndex(102), 3);
  EXPECT_EQ(durability.filling_bytes(), 3u);
  EXPECT_TRUE(durability.flushing());
  durability.LogRemoved(5);
  EXPECT_FALSE(durability.flushing());
  EXPECT_EQ(durability.written().bytes - durability.durable().bytes, 3u);
}

}  // namespace
}  // namespace flotilla::storage

// The directory, changed by transactions of its shard and read back from its rows.
#include "kv/directory.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/kv/shard_fixture.h"
#include "tests/sharding/shard_history.h"
#include "tests/support/golden_file.h"

namespace flotilla::kv {
namespace {

using sharding::NodeDuty;
using sharding::NodeRecord;
using ::testing::HasSubstr;

NodeRecord NodeOf(uint64_t id) {
  return {.node = NodeId(id),
          .incarnation = Incarnation(1000 + id),
          .peer_address = "n" + std::to_string(id) + ":6171",
          .client_address = "n" + std::to_string(id) + ":6170",
          .zone = "east"};
}

// The directory's shard, and who leads it.
class DirectoryTest : public testing::Test {
 protected:
  std::vector<Row> Rows() {
    std::vector<Row> rows;
    for (auto& row : shard_.Read({.operation = ScanPage{}}).rows) rows.push_back(*std::move(row));
    return rows;
  }
  Directory Loaded() {
    auto loaded = Directory::Load(Rows());
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.value_or(Directory());
  }
  // Whether the transaction found the directory as it was.
  bool Commit(const Directory& of, const DirectoryChange& change) {
    const Command command = of.CommandFor(change);
    EXPECT_TRUE(Validate(command, shard_.applied().limits).ok());
    return shard_.Do(command.operation).conditions_held;
  }
  void Change(const absl::StatusOr<DirectoryChange>& change) {
    ASSERT_TRUE(change.ok()) << change.status();
    ASSERT_TRUE(Commit(directory_, *change));
    ASSERT_TRUE(directory_.Apply(*change).ok());
    ASSERT_EQ(Loaded(), directory_);
  }

  TestShard shard_;
  Directory directory_;
};

TEST_F(DirectoryTest, IsWhatItsRowsSay) {
  EXPECT_EQ(Loaded(), Directory());
  Change(directory_.Register(NodeOf(1)));
  Change(directory_.Register(NodeOf(2)));
  Change(directory_.Claim(sharding::FoundingReport(16)));
  EXPECT_EQ(directory_.nodes().size(), 2u);
  EXPECT_TRUE(directory_.shards().IsFounded());
  EXPECT_EQ(directory_.shards().shards().size(), 16u);
}

TEST_F(DirectoryTest, FollowsShardsThroughSplitsAndChanges) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    shard_ = TestShard();
    directory_ = Directory();
    sharding::ShardHistory history(Random(seed), 4);
    for (int i = 0; i < 60; ++i) history.Step();
    for (const sharding::Report& report : history.reports()) {
      const auto change = directory_.Claim(report);
      ASSERT_TRUE(change.ok()) << change.status();
      if (!change->empty()) Change(change);
    }
    EXPECT_EQ(directory_.shards().shards().size(), history.now().size());
  }
}

TEST_F(DirectoryTest, WhatSaysNothingNewChangesNothing) {
  Change(directory_.Register(NodeOf(1)));
  Change(directory_.Claim(sharding::FoundingReport(2)));
  EXPECT_TRUE(directory_.Register(NodeOf(1))->empty());
  EXPECT_TRUE(directory_.Claim(sharding::FoundingReport(2))->empty());
}

TEST_F(DirectoryTest, ANodeMayMoveButNotChangeItsDiskOrItsDuty) {
  Change(directory_.Register(NodeOf(1)));
  NodeRecord drained = NodeOf(1);
  drained.duty = NodeDuty::kDrain;
  Change(DirectoryChange{.nodes = {drained}, .forgotten = {}, .shards = {}});
  NodeRecord moved = NodeOf(1);
  moved.client_address = "elsewhere:6170";
  Change(directory_.Register(moved));
  EXPECT_EQ(directory_.nodes().at(NodeId(1)).client_address, "elsewhere:6170");
  EXPECT_EQ(directory_.nodes().at(NodeId(1)).duty, NodeDuty::kDrain);
  moved.incarnation = Incarnation(7);
  const absl::Status refused = directory_.Register(moved).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("another disk"));
}

TEST_F(DirectoryTest, ANodeCanBeForgotten) {
  Change(directory_.Register(NodeOf(1)));
  Change(DirectoryChange{.nodes = {}, .forgotten = {NodeId(1)}, .shards = {}});
  EXPECT_TRUE(directory_.nodes().empty());
}

// A leader that does not know yet that it was replaced.
TEST_F(DirectoryTest, OfTwoChangesOfOneDirectoryOnlyTheFirstHappens) {
  for (int round = 0; round < 2; ++round) {
    const Directory before = directory_;
    Change(directory_.Register(NodeOf(2 * round + 1)));
    EXPECT_FALSE(Commit(before, *before.Register(NodeOf(2 * round + 2))));
    EXPECT_EQ(Loaded(), directory_);
  }
}

TEST_F(DirectoryTest, ForeignAndDamagedRowsAreRefused) {
  Change(directory_.Register(NodeOf(1)));
  Change(directory_.Claim(sharding::FoundingReport(2)));
  const std::vector<Row> good = Rows();
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<Row> rows = good;
    rows[i].value.pop_back();
    EXPECT_TRUE(absl::IsDataLoss(Directory::Load(rows).status())) << rows[i].key;
    rows = good;
    rows[i].key.back() ^= 1;
    EXPECT_TRUE(absl::IsDataLoss(Directory::Load(rows).status())) << rows[i].key;
  }
  std::vector<Row> rows = good;
  rows.push_back({.key = "{directory}x12345678", .value = ""});
  EXPECT_TRUE(absl::IsDataLoss(Directory::Load(rows).status()));
}

TEST(NodeRecordCodec, ReadsAndWritesTheGoldenFile) {
  NodeRecord record = NodeOf(3);
  record.duty = NodeDuty::kLeave;
  record.weight = 200;
  const std::string golden = tests::ReadGoldenFile("node_record.hex");
  EXPECT_EQ(tests::ToHex(sharding::EncodeNodeRecord(record)), tests::ToHex(golden));
  EXPECT_EQ(*sharding::DecodeNodeRecord(golden), record);
  for (size_t size = 0; size < golden.size(); ++size) {
    EXPECT_FALSE(sharding::DecodeNodeRecord(golden.substr(0, size)).ok()) << size;
  }
  std::string newer = golden;
  ++newer[1];
  EXPECT_TRUE(absl::IsUnimplemented(sharding::DecodeNodeRecord(newer).status()));
}

}  // namespace
}  // namespace flotilla::kv

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

constexpr Duration kHour = std::chrono::hours(1);

OperationRecord MoveOf(uint64_t shard) {
  OperationRecord record;
  record.step = sharding::MoveReplica{.shard = ShardId(shard), .from = NodeId(1), .to = NodeId(4)};
  record.cause = "drain";
  record.shard_version = 1;
  record.configuration = LogIndex(17);
  record.voters = 3;
  return record;
}

OperationRecord SplitOf(uint64_t shard) {
  OperationRecord record = MoveOf(shard);
  record.step = sharding::SplitShard{.shard = ShardId(shard), .at = {100}};
  return record;
}

OperationNews EndOf(uint64_t operation, OperationState state = OperationState::kSucceeded) {
  OperationNews news;
  news.ended.push_back({.id = OperationId(operation), .state = state, .reason = ""});
  return news;
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

  OperationState StateOf(uint64_t operation) const {
    return directory_.operations().at(OperationId(operation)).state;
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

TEST_F(DirectoryTest, RecordsWhatBeginsAndEndsTogether) {
  Change(directory_.Claim(sharding::FoundingReport(3)));
  Change(directory_.Record({.begun = {MoveOf(1), MoveOf(2)}, .ended = {}, .at = WallTime(kHour)}));
  ASSERT_EQ(directory_.operations().size(), 2u);
  EXPECT_EQ(StateOf(1), OperationState::kRunning);
  EXPECT_EQ(directory_.operations().at(OperationId(2)).begun, WallTime(kHour));
  Change(directory_.Record({.begun = {MoveOf(1)},
                            .ended = {{.id = OperationId(1),
                                       .state = OperationState::kFailed,
                                       .reason = "node 4 is down"}},
                            .at = WallTime(2 * kHour)}));
  EXPECT_EQ(StateOf(1), OperationState::kFailed);
  EXPECT_EQ(directory_.operations().at(OperationId(1)).reason, "node 4 is down");
  EXPECT_EQ(directory_.operations().at(OperationId(1)).ended, WallTime(2 * kHour));
  EXPECT_EQ(ShardOf(directory_.operations().at(OperationId(3)).step), ShardId(1));
}

TEST_F(DirectoryTest, OfAShardOneOperationRunsAtATime) {
  Change(directory_.Claim(sharding::FoundingReport(2)));
  Change(directory_.Record({.begun = {MoveOf(1), MoveOf(1)}, .ended = {}, .at = {}}));
  EXPECT_EQ(directory_.operations().size(), 1u);
  EXPECT_TRUE(directory_.Record({.begun = {MoveOf(1)}, .ended = {}, .at = {}}).empty());
}

TEST_F(DirectoryTest, WhatHasEndedStaysAsItIs) {
  Change(directory_.Claim(sharding::FoundingReport(2)));
  Change(directory_.Record({.begun = {MoveOf(1)}, .ended = {}, .at = {}}));
  Change(directory_.Record(EndOf(1, OperationState::kCancelled)));
  EXPECT_TRUE(directory_.Record(EndOf(1, OperationState::kSucceeded)).empty());
  EXPECT_TRUE(directory_.Record(EndOf(9, OperationState::kSucceeded)).empty());
}

TEST_F(DirectoryTest, ASplitGetsAnIdThatNoShardHasOrWasPromised) {
  EXPECT_TRUE(directory_.Record({.begun = {SplitOf(1)}, .ended = {}, .at = {}}).empty());
  EXPECT_TRUE(absl::IsUnavailable(directory_.Begin(SplitOf(1), {}).status()));
  Change(directory_.Claim(sharding::FoundingReport(3)));
  Change(directory_.Record({.begun = {SplitOf(1), SplitOf(2)}, .ended = {}, .at = {}}));
  Change(directory_.Record({.begun = {SplitOf(3)}, .ended = {}, .at = {}}));
  for (uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(directory_.operations().at(OperationId(id)).child,
              ShardId(kFirstNamedShard.value() + id - 1));
  }
}

TEST_F(DirectoryTest, OnlyTheLastOperationsAreRemembered) {
  Change(directory_.Claim(sharding::FoundingReport(2)));
  Change(directory_.Record({.begun = {MoveOf(2)}, .ended = {}, .at = {}}));
  for (uint64_t id = 2; id <= kMaxEndedOperations + 10; ++id) {
    Change(directory_.Record({.begun = {MoveOf(1)}, .ended = {}, .at = {}}));
    Change(directory_.Record(EndOf(id, OperationState::kSucceeded)));
  }
  EXPECT_EQ(directory_.operations().size(), kMaxEndedOperations + 1);
  EXPECT_TRUE(directory_.operations().contains(OperationId(1)));  // it runs
  EXPECT_FALSE(directory_.operations().contains(OperationId(10)));
  EXPECT_TRUE(directory_.operations().contains(OperationId(11)));
}

TEST_F(DirectoryTest, AsManyAsOneTransactionTakes) {
  Change(directory_.Claim(sharding::FoundingReport(128)));
  for (uint64_t round = 0; round < 8; ++round) {
    OperationNews news;
    for (uint64_t shard = 1; shard <= 60; ++shard) {
      news.begun.push_back(MoveOf(shard));
      if (round > 0) news.ended.push_back(EndOf(60 * (round - 1) + shard).ended[0]);
    }
    Change(directory_.Record(news));
  }
  EXPECT_EQ(directory_.operations().size(), kMaxEndedOperations + 60);
}

TEST_F(DirectoryTest, WhatAPersonAsksForBeginsOnce) {
  Change(directory_.Claim(sharding::FoundingReport(2)));
  const WallTime now{std::chrono::seconds(5)};
  const auto begun = directory_.Begin(MoveOf(1), now);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->operations.back().id, OperationId(1));
  EXPECT_EQ(begun->operations.back().begun, now);
  Change(begun);
  Change(directory_.Record({.begun = {MoveOf(2)}, .ended = {}, .at = {}}));
  const auto again = directory_.Begin(MoveOf(1), now);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->operations.back().id, OperationId(1));
  const absl::Status busy = directory_.Begin(SplitOf(1), now).status();
  EXPECT_TRUE(absl::IsUnavailable(busy));
  EXPECT_THAT(std::string(busy.message()), HasSubstr("operation 1 changes the shard"));
  Change(directory_.Cancel(OperationId(1)));
  EXPECT_TRUE(absl::IsUnavailable(directory_.Begin(MoveOf(1), now).status()));
  Change(directory_.Record(EndOf(1, OperationState::kCancelled)));
  EXPECT_EQ(directory_.Begin(MoveOf(1), now)->operations.back().id, OperationId(3));
}

TEST_F(DirectoryTest, WhatRunsCanBeCancelled) {
  Change(directory_.Claim(sharding::FoundingReport(2)));
  Change(directory_.Record({.begun = {MoveOf(1)}, .ended = {}, .at = {}}));
  EXPECT_TRUE(absl::IsNotFound(directory_.Cancel(OperationId(2)).status()));
  Change(directory_.Cancel(OperationId(1)));
  EXPECT_EQ(StateOf(1), OperationState::kCancelling);
  EXPECT_TRUE(directory_.Cancel(OperationId(1))->empty());
  Change(directory_.Record(EndOf(1, OperationState::kCancelled)));
  const absl::Status again = directory_.Cancel(OperationId(1)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(again));
  EXPECT_THAT(std::string(again.message()), HasSubstr("cancelled"));
}

TEST_F(DirectoryTest, ASplitThatHasHappenedCannotBeCancelled) {
  std::vector<sharding::ShardClaim> claims = sharding::FoundingReport(1);
  Change(directory_.Claim(claims));
  OperationRecord split = SplitOf(1);
  split.shard_version = claims[0].descriptor.version;
  Change(directory_.Record({.begun = {split}, .ended = {}, .at = {}}));
  EXPECT_TRUE(directory_.Cancel(OperationId(1)).ok());
  sharding::ShardClaim child = claims[0];
  ++claims[0].descriptor.version;
  claims[0].descriptor.arc.last = {99};
  child.descriptor = {.shard = ShardId(kFirstNamedShard),
                      .arc = {.first = {100}},
                      .version = claims[0].descriptor.version};
  claims.push_back(child);
  Change(directory_.Claim(claims));
  const absl::Status late = directory_.Cancel(OperationId(1)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(late));
  EXPECT_THAT(std::string(late.message()), HasSubstr("split already"));
}

TEST_F(DirectoryTest, ForeignAndDamagedRowsAreRefused) {
  Change(directory_.Register(NodeOf(1)));
  Change(directory_.Claim(sharding::FoundingReport(2)));
  Change(directory_.Record({.begun = {MoveOf(1), SplitOf(2)}, .ended = {}, .at = {}}));
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

TEST(OperationRecordCodec, ReadsAndWritesTheGoldenFile) {
  OperationRecord record = MoveOf(300);
  record.id = OperationId(7);
  record.state = OperationState::kFailed;
  record.begun = WallTime(std::chrono::seconds(1'700'000'000));
  record.ended = WallTime(std::chrono::seconds(1'700'000'060));
  record.reason = "node 4 is down";
  const std::string golden = tests::ReadGoldenFile("operation_record.hex");
  EXPECT_EQ(tests::ToHex(EncodeOperationRecord(record)), tests::ToHex(golden));
  EXPECT_EQ(*DecodeOperationRecord(golden), record);
  for (size_t size = 0; size < golden.size(); ++size) {
    EXPECT_FALSE(DecodeOperationRecord(golden.substr(0, size)).ok()) << size;
  }
  std::string newer = golden;
  ++newer[1];
  EXPECT_TRUE(absl::IsUnimplemented(DecodeOperationRecord(newer).status()));
}

TEST(OperationRecordCodec, EveryKindOfStepComesBack) {
  for (const sharding::Step& step : std::vector<sharding::Step>{
           sharding::MoveReplica{.shard = ShardId(1), .from = NodeId(2), .to = NodeId(3)},
           sharding::AddReplica{.shard = ShardId(1), .to = NodeId(3)},
           sharding::RemoveReplica{.shard = ShardId(1), .from = NodeId(2)},
           sharding::SplitShard{.shard = ShardId(1), .at = {16383}}}) {
    OperationRecord record = MoveOf(1);
    record.id = OperationId(1);
    record.step = step;
    record.child = ShardId(9);
    EXPECT_EQ(*DecodeOperationRecord(EncodeOperationRecord(record)), record);
  }
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

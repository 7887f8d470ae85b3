// What surrounds the operations: indices, time, configurations, ownership, versions of formats.
#include "kv/state_machine.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/rows.h"
#include "raft/message_codec.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

TEST(StateMachine, WritesTheAppliedIndexInTheSameBatch) {
  TestShard shard;
  raft::Entry entry = shard.MakeEntry({{.operation = Put{"k", "v"}}});
  entry.term = Term(3);
  ASSERT_TRUE(shard.TryApply({entry}).ok());
  const auto applied = LoadApplied(shard.state(), ShardId(7));
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(applied->index, LogIndex(1));
  EXPECT_EQ(applied->term, Term(3));
  EXPECT_EQ(*applied, shard.applied());
}

TEST(StateMachine, AnswersEveryEntryWhateverItsKind) {
  TestShard shard;
  raft::Entry command = shard.MakeEntry({{.operation = Put{"k", "v"}}});
  command.index = LogIndex(2);
  const auto results = shard.TryApply({{.index = LogIndex(1), .term = Term(1)}, command});
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(results->size(), 2);
  EXPECT_EQ(results->at(0).index, LogIndex(1));
  EXPECT_TRUE(results->at(0).results.empty());
  EXPECT_EQ(results->at(1).index, LogIndex(2));
  EXPECT_EQ(results->at(1).results.size(), 1);
}

TEST(StateMachine, DoesNothingForNoEntries) {
  TestShard shard;
  storage::WriteBatch batch;
  std::vector<EntryResult> results;
  ASSERT_TRUE(shard.machine().Apply(shard.state(), {}, &batch, &results).ok());
  EXPECT_TRUE(batch.empty());
}

TEST(StateMachineDeathTest, RefusesAGapInTheLog) {
  TestShard shard;
  raft::Entry entry = shard.MakeEntry({});
  entry.index = LogIndex(2);
  EXPECT_DEATH(shard.TryApply({entry}).IgnoreError(), "index");
}

TEST(StateMachine, TakesOverAConfiguration) {
  TestShard shard;
  raft::Configuration configuration;
  configuration.voters = {{NodeId(1), ReplicaId(1)}, {NodeId(2), ReplicaId(2)}};
  configuration.learners = {{NodeId(3), ReplicaId(3)}};
  configuration.next_replica_id = ReplicaId(4);
  ASSERT_TRUE(shard
                  .TryApply({{.index = LogIndex(1), .term = Term(1)},
                             {.index = LogIndex(2),
                              .term = Term(1),
                              .kind = raft::EntryKind::kConfiguration,
                              .payload = MakeBytes(raft::EncodeConfiguration(configuration))}})
                  .ok());
  shard.Restart();
  EXPECT_EQ(shard.applied().configuration, configuration);
  EXPECT_EQ(shard.applied().configuration_index, LogIndex(2));
}

TEST(StateMachine, NeverLetsLogTimeGoBack) {
  TestShard shard;
  const WallTime late = shard.now() + std::chrono::hours(5);
  shard.SetTime(late);
  shard.Apply({});
  shard.SetTime(late - std::chrono::hours(3));
  shard.Apply({});
  EXPECT_EQ(shard.applied().log_time, late);
}

TEST(StateMachine, TakesAStampBeforeTheEpochForNoTime) {
  TestShard shard;
  shard.SetTime(WallTime(Duration::min()));
  shard.Apply({});
  EXPECT_EQ(shard.applied().log_time, WallTime{});
  shard.SetTime(WallTime(Duration::max()));
  shard.Apply({});
  EXPECT_EQ(shard.applied().log_time, WallTime(Duration::max()));
}

TEST(StateMachine, CountsAtMostATenthOfTheExpiryPerEntryAsSessionTime) {
  TestShard shard;
  shard.Apply({});
  const Duration before = shard.applied().session_time;
  shard.PassTime(std::chrono::seconds(3));
  shard.Apply({});
  EXPECT_EQ(shard.applied().session_time, before + std::chrono::seconds(3));
  shard.PassTime(std::chrono::hours(3));
  shard.Apply({});
  EXPECT_EQ(shard.applied().session_time, before + std::chrono::seconds(63));
}

TEST(StateMachine, GivesEveryWriteTheNextVersionAcrossKeys) {
  TestShard shard;
  EXPECT_EQ(shard.Do(Put{"a", ""}).version, 1);
  EXPECT_EQ(shard.Do(Put{"b", ""}).version, 2);
  shard.Restart();
  EXPECT_EQ(shard.Do(Put{"a", ""}).version, 3);
}

TEST(StateMachine, RefusesInvalidCommandsOneByOne) {
  TestShard shard;
  const auto results = shard.Apply({{.operation = Put{"", "v"}},
                                    {.keyspace = 1, .operation = Put{"k", "v"}},
                                    {.operation = Put{"k", "v"}}});
  EXPECT_EQ(results[0], (CommandResult{.code = ResultCode::kInvalid}));
  EXPECT_EQ(results[1], (CommandResult{.code = ResultCode::kInvalid}));
  EXPECT_EQ(results[2], (CommandResult{.version = 1}));
}

TEST(StateMachine, GoesByTheLimitsOfItsState) {
  AppliedState state = NewShardState();
  state.limits.max_value_bytes = 3;
  TestShard shard(state);
  shard.Restart();
  EXPECT_EQ(shard.Do(Put{"k", "abc"}).code, ResultCode::kOk);
  EXPECT_EQ(shard.Do(Put{"k", "abcd"}).code, ResultCode::kInvalid);
}

class OfHalfTheRing : public testing::Test {
 protected:
  static AppliedState State() {
    AppliedState state = NewShardState();
    state.descriptor.arc = {sharding::Slot{0}, sharding::Slot{8191}};
    state.descriptor.version = 5;
    return state;
  }

  const std::string mine_ = "bar";    // slot 5061
  const std::string others_ = "foo";  // slot 12182
  TestShard shard_{State()};
};

TEST_F(OfHalfTheRing, RefusesCommandsOfTheOtherHalf) {
  const CommandResult wrong{.code = ResultCode::kWrongShard};
  const Condition absent{.kind = Condition::Kind::kAbsent, .key = others_};
  EXPECT_EQ(shard_.Do(Put{others_, ""}), wrong);
  EXPECT_EQ(shard_.Do(Delete{others_}), wrong);
  EXPECT_EQ(shard_.Do(Increment{others_}), wrong);
  EXPECT_EQ(shard_.Do(Append{others_, ""}), wrong);
  EXPECT_EQ(shard_.Do(CompareAndSwap{absent, ""}), wrong);
  EXPECT_EQ(shard_.Do(Batch{{Put{others_, ""}}}), wrong);
  EXPECT_EQ(shard_.Do(Txn{.conditions = {absent}}), wrong);
  EXPECT_EQ(shard_.Do(Txn{.otherwise = {Delete{others_}}}), wrong);
  EXPECT_EQ(shard_.applied().revision, 0);
}

TEST_F(OfHalfTheRing, AcceptsCommandsOfItsOwnHalf) {
  EXPECT_EQ(shard_.Do(Put{mine_, ""}).code, ResultCode::kOk);
  EXPECT_EQ(shard_.Do(Txn{.then = {Delete{mine_}}}).code, ResultCode::kOk);
}

TEST_F(OfHalfTheRing, LeavesTheRowsOfTheOtherHalfWhereTheyAre) {
  shard_.Do(Put{mine_, ""});
  const std::string row = DataRowKey(0, others_);
  shard_.state().rows()[row] = EncodeDataRow({.version = 1, .created_version = 1, .value = "v"});
  EXPECT_EQ(shard_.Do(DeleteRange{.limit = 10}).deleted, 1);
  EXPECT_EQ(shard_.state().rows().count(row), 1);
}

TEST_F(OfHalfTheRing, RefusesARangeThatWasSplitByAnotherVersion) {
  EXPECT_EQ(shard_.Do(DeleteRange{.limit = 1, .shard_version = 4}).code, ResultCode::kWrongShard);
  EXPECT_EQ(shard_.Do(DeleteRange{.limit = 1, .shard_version = 6}).code, ResultCode::kWrongShard);
  EXPECT_EQ(shard_.Do(DeleteRange{.limit = 1, .shard_version = 5}).code, ResultCode::kOk);
}

// --- Entries and states that this build cannot take. ---------------------------------------------

raft::Entry CommandEntry(std::string payload) {
  return {.index = LogIndex(1),
          .term = Term(1),
          .kind = raft::EntryKind::kCommand,
          .payload = MakeBytes(std::move(payload))};
}

TEST(StateMachine, StopsAtAnEntryOfANewerVersion) {
  TestShard shard;
  std::string payload = EncodeEntryPayload(WallTime{}, {});
  payload[1] = 2;
  EXPECT_EQ(shard.TryApply({CommandEntry(payload)}).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(StateMachine, StopsAtACommandOfANewerVersion) {
  TestShard shard;
  std::string command = EncodeCommand({.operation = Put{"k", "v"}});
  command[1] = 2;
  EXPECT_EQ(
      shard.TryApply({CommandEntry(EncodeEntryPayload(WallTime{}, {command}))}).status().code(),
      absl::StatusCode::kUnimplemented);
}

TEST(StateMachine, StopsAtADamagedEntryAndNamesIt) {
  TestShard shard;
  std::string payload = EncodeEntryPayload(WallTime{}, {"abc"});
  payload.pop_back();
  const absl::Status status = shard.TryApply({CommandEntry(payload)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("entry 1"));
}

TEST(StateMachine, StopsAtAnEntryOfUnknownKind) {
  TestShard shard;
  const raft::Entry entry{.index = LogIndex(1), .kind = static_cast<raft::EntryKind>(9)};
  EXPECT_EQ(shard.TryApply({entry}).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(StateMachine, RefusesToLoadANewerFormat) {
  for (const std::string& key : {AppliedRowKey(), ShardRowKey()}) {
    TestShard shard;
    shard.state().rows()[key][1] = 9;
    EXPECT_EQ(StateMachine::Load(shard.state(), ShardId(7)).status().code(),
              absl::StatusCode::kUnimplemented);
  }
}

TEST(StateMachine, RefusesToLoadWithoutItsRows) {
  for (const std::string& key : {AppliedRowKey(), ShardRowKey()}) {
    TestShard shard;
    shard.state().rows().erase(key);
    EXPECT_EQ(StateMachine::Load(shard.state(), ShardId(7)).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(StateMachine, StopsAtADamagedRow) {
  TestShard shard;
  shard.Do(Put{"k", "1"});
  shard.state().rows()[DataRowKey(0, "k")].resize(2);
  EXPECT_EQ(shard.TryApply({shard.MakeEntry({{.operation = Increment{"k", 1}}})}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace flotilla::kv

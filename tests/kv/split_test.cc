// A shard is cut in two by one entry of its log: both halves begin with all of the state.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/rows.h"
#include "tests/kv/shard_fixture.h"
#include "tests/support/ring_halves.h"

namespace flotilla::kv {
namespace {

using tests::kMiddle;
using tests::Lower;
using tests::Upper;

constexpr ShardId kParent(7);
constexpr ShardId kChild(70);

CommandResult SplitInTheMiddle(TestShard& shard) {
  return shard.Do(SplitShard{.child = kChild, .at = kMiddle, .shard_version = 1});
}

TEST(Split, GivesTheUpperSlotsToTheChild) {
  TestShard parent;
  EXPECT_EQ(SplitInTheMiddle(parent).code, ResultCode::kOk);
  EXPECT_EQ(parent.applied().descriptor,
            (sharding::ShardDescriptor{
                .shard = kParent, .arc = {sharding::Slot{0}, sharding::Slot{8191}}, .version = 2}));
  ASSERT_TRUE(parent.applied().StandsAtSplit());
  const TestShard child = TestShard::ChildOf(parent);
  EXPECT_EQ(child.applied().descriptor,
            (sharding::ShardDescriptor{
                .shard = kChild, .arc = {kMiddle, sharding::Slot{16383}}, .version = 2}));
  EXPECT_EQ(child.applied().Meta(), parent.applied().Meta());
}

TEST(Split, EachHalfServesItsOwnSlotsOnly) {
  TestShard parent;
  parent.Do(Put{Lower(), "low"});
  parent.Do(Put{Upper(), "up"});
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);

  EXPECT_EQ(parent.Value(Lower()), "low");
  EXPECT_TRUE(parent.Read({.operation = Get{Upper()}}).wrong_shard);
  EXPECT_EQ(child.Value(Upper()), "up");
  EXPECT_TRUE(child.Read({.operation = Get{Lower()}}).wrong_shard);

  EXPECT_EQ(parent.Do(Put{Upper(), "x"}).code, ResultCode::kWrongShard);
  EXPECT_EQ(child.Do(Put{Lower(), "x"}).code, ResultCode::kWrongShard);
  EXPECT_EQ(child.Do(Put{Upper(), "new"}).code, ResultCode::kOk);
}

TEST(Split, TakesEffectBetweenTwoCommandsOfItsEntry) {
  TestShard parent;
  const auto results =
      parent.Apply({{.operation = Put{Upper(), "before"}},
                    {.operation = SplitShard{.child = kChild, .at = kMiddle, .shard_version = 1}},
                    {.operation = Put{Upper(), "after"}},
                    {.operation = Put{Lower(), "after"}}});
  EXPECT_EQ(results[2].code, ResultCode::kWrongShard);
  EXPECT_EQ(results[3].code, ResultCode::kOk);
  EXPECT_EQ(TestShard::ChildOf(parent).Value(Upper()), "before");
}

TEST(Split, EndsTheBatchOfEntriesThatIsApplied) {
  TestShard parent;
  raft::Entry split = parent.MakeEntry(
      {{.operation = SplitShard{.child = kChild, .at = kMiddle, .shard_version = 1}}});
  raft::Entry next = parent.MakeEntry({{.operation = Put{Lower(), "later"}}});
  next.index = next.index.next();
  EXPECT_EQ(parent.TryApply({split, next})->size(), 1u);
  EXPECT_TRUE(parent.applied().StandsAtSplit());
  EXPECT_EQ(parent.TryApply({next})->size(), 1u);
  EXPECT_FALSE(parent.applied().StandsAtSplit());
}

TEST(Split, VersionsGoOnWhereTheParentWas) {
  TestShard parent;
  for (int i = 0; i < 5; ++i) parent.Do(Put{Upper(), "v"});
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  EXPECT_EQ(child.Do(Put{Upper(), "v"}).version, 6u);
  EXPECT_EQ(parent.Do(Put{Lower(), "v"}).version, 6u);
}

TEST(Split, IsRefusedOfAnotherVersionOrOutsideOfTheArc) {
  TestShard parent;
  const auto code = [&](uint16_t at, uint64_t version) {
    return parent
        .Do(SplitShard{.child = kChild, .at = sharding::Slot{at}, .shard_version = version})
        .code;
  };
  EXPECT_EQ(code(8192, 2), ResultCode::kWrongShard);
  EXPECT_EQ(code(0, 1), ResultCode::kInvalid);
  SplitInTheMiddle(parent);
  EXPECT_EQ(code(4096, 1), ResultCode::kWrongShard);
  EXPECT_EQ(code(8192, 2), ResultCode::kWrongShard);  // no longer its own
  EXPECT_EQ(code(9000, 2), ResultCode::kWrongShard);
  EXPECT_EQ(code(8191, 2), ResultCode::kOk);  // the child of one slot
}

TEST(Split, HasNoEffectInAJointConfiguration) {
  AppliedState state = NewShardState();
  state.configuration.voters_outgoing = {{NodeId(2), ReplicaId(2)}};
  state.configuration.next_replica_id = ReplicaId(3);
  TestShard parent(state);
  EXPECT_EQ(SplitInTheMiddle(parent).code, ResultCode::kShardChanging);
  EXPECT_FALSE(parent.applied().last_split.has_value());
  EXPECT_TRUE(parent.applied().descriptor.arc.IsWholeRing());
}

TEST(Split, IsNoCommandOfASession) {
  TestShard parent;
  const SessionToken session = parent.OpenSession();
  const SplitShard split{.child = kChild, .at = kMiddle, .shard_version = 1};
  EXPECT_EQ(parent.Do(split, InSession(session, 1)).code, ResultCode::kInvalid);
}

TEST(Split, AWriteOfBeforeIsAnsweredAgainByBothAndNotRepeated) {
  TestShard parent;
  const SessionToken session = parent.OpenSession();
  const CommandResult first = parent.Do(Increment{Upper(), 1}, InSession(session, 1));
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  for (TestShard* half : {&parent, &child}) {
    const CommandResult again = half->Do(Increment{Upper(), 1}, InSession(session, 1));
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.version, first.version);
  }
  EXPECT_EQ(child.Value(Upper()), "1");
  EXPECT_EQ(child.Do(Increment{Upper(), 1}, InSession(session, 2)).value, "2");
}

// A child's replica that was made at the split, and one that was restarted since.
// Whoever asks again after the split would else take it for what the halves own by then, and have
// the other half's keys deleted a second time.
TEST(Split, ADeleteOfARangeSaysAgainWhatItWasOf) {
  TestShard parent;
  const SessionToken session = parent.OpenSession();
  const DeleteRange range{.limit = 10, .shard_version = 1};
  const CommandResult first = parent.Do(range, InSession(session, 1));
  EXPECT_EQ(first.arc, sharding::Arc());
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  for (TestShard* half : {&parent, &child}) {
    const CommandResult again = half->Do(range, InSession(session, 1));
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.arc, sharding::Arc());
    EXPECT_EQ(half->Do(DeleteRange{.limit = 10}).arc, half->applied().descriptor.arc);
  }
}

TEST(Split, AChildKnowsOfSessionsWhatItsRowsSay) {
  TestShard parent;
  std::vector<SessionToken> sessions;
  for (int i = 0; i < 4; ++i) sessions.push_back(parent.OpenSession());
  for (uint64_t sequence = 1; sequence <= 6; ++sequence) {
    for (size_t i = 0; i < sessions.size(); ++i) {
      const uint64_t acknowledged_below = i == 0 ? 1 : sequence - 1;
      parent.Do(Increment{Upper(), 1}, InSession(sessions[i], sequence, acknowledged_below));
    }
  }
  parent.Do(CloseSession{}, InSession(sessions[3], 7));
  SplitInTheMiddle(parent);
  TestShard made = TestShard::ChildOf(parent);
  TestShard loaded = TestShard::LoadedChildOf(parent);
  EXPECT_EQ(made.applied(), loaded.applied());
  for (uint64_t sequence = 7; sequence > 0; --sequence) {
    for (const SessionToken& session : sessions) {
      const Increment increment{Upper(), 1};
      const WriteIdentity identity = InSession(session, sequence, sequence / 2);
      const CommandResult expected = loaded.Do(increment, identity);
      const CommandResult result = made.Do(increment, identity);
      EXPECT_EQ(result.code, expected.code);
      EXPECT_EQ(result.value, expected.value);
      EXPECT_EQ(result.replayed, expected.replayed);
    }
  }
  EXPECT_EQ(made.state().rows(), loaded.state().rows());
}

TEST(Split, ASessionOfTheParentsLaterDaysIsTold) {
  TestShard parent;
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  const SessionToken later = parent.OpenSession();
  EXPECT_EQ(child.Do(Put{Upper(), "v"}, InSession(later, 1)).code, ResultCode::kSessionOfParent);
  // Nobody can say that of one that was there and has ended.
  const SessionToken earlier{.shard = kParent, .index = LogIndex(1), .position = 9};
  EXPECT_EQ(child.Do(Put{Upper(), "v"}, InSession(earlier, 1)).code, ResultCode::kSessionUnknown);
}

// It may be known to who owns the key, and the write may have been executed there.
TEST(Split, OfASessionThatIsNotThereOnlyTheKeysOwnerSpeaks) {
  TestShard parent;
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  const SessionToken later = parent.OpenSession();
  EXPECT_EQ(parent.Do(Increment{Lower(), 1}, InSession(later, 1)).code, ResultCode::kOk);
  EXPECT_EQ(child.Do(Increment{Lower(), 1}, InSession(later, 1)).code, ResultCode::kWrongShard);
  const SessionToken gone{.shard = kParent, .index = LogIndex(1), .position = 9};
  EXPECT_EQ(child.Do(Increment{Lower(), 1}, InSession(gone, 1)).code, ResultCode::kWrongShard);
  EXPECT_EQ(child.Do(KeepAlive{}, InSession(gone, 0)).code, ResultCode::kSessionUnknown);
}

TEST(Split, NoShardIsItsOwnChildOrItsAncestors) {
  TestShard parent;
  EXPECT_EQ(parent.Do(SplitShard{.child = kParent, .at = kMiddle, .shard_version = 1}).code,
            ResultCode::kInvalid);
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  child.Do(Put{Upper(), "v"});
  EXPECT_EQ(
      child.Do(SplitShard{.child = kParent, .at = sharding::Slot{12000}, .shard_version = 2}).code,
      ResultCode::kInvalid);
  EXPECT_EQ(child.applied().descriptor.version, 2u);
}

TEST(Split, AGrandchildKnowsTheLaterDaysOfAllItsAncestors) {
  TestShard parent;
  const SessionToken early = parent.OpenSession();
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  const SessionToken of_parent = parent.OpenSession();
  child.Do(Put{Upper(), "v"});
  child.Do(SplitShard{.child = ShardId(71), .at = sharding::Slot{12000}, .shard_version = 2});
  TestShard grandchild = TestShard::ChildOf(child);
  const SessionToken of_child = child.OpenSession();
  const auto code = [&](const SessionToken& token) {
    return grandchild.Do(KeepAlive{}, InSession(token, 0)).code;
  };
  EXPECT_EQ(code(of_parent), ResultCode::kSessionOfParent);
  EXPECT_EQ(code(of_child), ResultCode::kSessionOfParent);
  EXPECT_EQ(code(early), ResultCode::kOk);
}

TEST(Split, SurvivesARestartAtAnyPoint) {
  TestShard parent;
  parent.Do(Put{Upper(), "v"});
  SplitInTheMiddle(parent);
  const AppliedState before = parent.applied();
  parent.Restart();
  EXPECT_EQ(parent.applied(), before);
  TestShard child = TestShard::ChildOf(parent);
  child.Restart();
  EXPECT_TRUE(child.applied().IsNewborn());
  child.Do(Put{Upper(), "w"});
  const AppliedState grown = child.applied();
  child.Restart();
  EXPECT_EQ(child.applied(), grown);
  EXPECT_EQ(grown.descriptor.shard, kChild);
}

TEST(Split, AStateIsNeverTakenForAnotherShards) {
  TestShard parent;
  SplitInTheMiddle(parent);
  EXPECT_TRUE(LoadApplied(parent.state(), kChild).ok());
  EXPECT_TRUE(absl::IsDataLoss(LoadApplied(parent.state(), ShardId(71)).status()));
  parent.Do(Put{Lower(), "v"});  // the parent went on: this state has what the child must not have
  EXPECT_TRUE(absl::IsDataLoss(LoadApplied(parent.state(), kChild).status()));
}

// --- What is left of the other half. ------------------------------------------------------------

size_t DataRows(TestShard& shard) {
  const auto& rows = shard.state().rows();
  return static_cast<size_t>(
      std::distance(rows.lower_bound(AllDataRowsBegin()), rows.lower_bound(AllDataRowsEnd())));
}

TEST(Sweep, DeletesWhatIsNotOwnedAndNothingElse) {
  TestShard parent;
  for (int i = 0; i < 50; ++i) parent.Do(Put{Lower(i), "low"});
  for (int i = 0; i < 70; ++i) parent.Do(Put{Upper(i), "up"});
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  const uint64_t revision = parent.applied().revision;
  EXPECT_EQ(parent.Do(SweepShard{}).deleted, 70u);
  EXPECT_EQ(child.Do(SweepShard{}).deleted, 50u);
  EXPECT_EQ(DataRows(parent), 50u);
  EXPECT_EQ(DataRows(child), 70u);
  EXPECT_EQ(parent.Value(Lower(49)), "low");
  EXPECT_EQ(child.Value(Upper(69)), "up");
  EXPECT_EQ(parent.applied().revision, revision);  // nobody has changed anything
  EXPECT_FALSE(parent.applied().sweep_from.has_value());
  EXPECT_EQ(parent.Do(SweepShard{}).deleted, 0u);
}

TEST(Sweep, GoesOnWhereThePageEndedAlsoAfterARestart) {
  TestShard parent;
  constexpr int kRows = 5000;
  for (int i = 0; i < kRows; ++i) parent.Do(Put{"k" + std::to_string(i), "v"});
  SplitInTheMiddle(parent);
  uint64_t deleted = 0;
  int pages = 0;
  while (parent.applied().sweep_from.has_value()) {
    deleted += parent.Do(SweepShard{}).deleted;
    parent.Restart();
    ++pages;
  }
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(deleted + DataRows(parent), static_cast<size_t>(kRows));
  for (const auto& [key, value] : parent.state().rows()) {
    if (key < AllDataRowsBegin()) continue;
    EXPECT_LT(sharding::SlotOf(UserKey(key)), kMiddle);
  }
}

// Found by the simulator: commands of one turn share an entry.
TEST(Sweep, LeavesTheChildItsRowsInTheEntryOfTheSplit) {
  TestShard parent;
  parent.Do(Put{Upper(), "up"});
  parent.Apply({{.operation = SplitShard{.child = kChild, .at = kMiddle, .shard_version = 1}},
                {.operation = SweepShard{}}});
  EXPECT_EQ(TestShard::ChildOf(parent).Value(Upper()), "up");
  EXPECT_TRUE(parent.applied().sweep_from.has_value());
}

TEST(Sweep, FindsHowMuchIsLeft) {
  TestShard parent;
  for (int i = 0; i < 40; ++i) parent.Do(Put{Lower(i), std::string(1000, 'l')});
  for (int i = 0; i < 60; ++i) parent.Do(Put{Upper(i), std::string(1000, 'u')});
  EXPECT_FALSE(parent.applied().owned_bytes_max.has_value()) << "nobody looks unless it is split";
  SplitInTheMiddle(parent);
  TestShard child = TestShard::ChildOf(parent);
  for (TestShard* half : {&parent, &child}) {
    while (half->applied().sweep_from.has_value()) half->Do(SweepShard{});
    half->Restart();
  }
  const auto about = [](int rows) {
    return testing::Optional(testing::AllOf(testing::Ge(rows * 1000u), testing::Lt(rows * 1100u)));
  };
  EXPECT_THAT(parent.applied().owned_bytes_max, about(40));
  EXPECT_THAT(child.applied().owned_bytes_max, about(60));

  // What comes later may replace what is there: only a bound is known.
  for (int i = 0; i < 10; ++i) parent.Do(Put{Lower(i), std::string(1000, 'x')});
  EXPECT_THAT(parent.applied().owned_bytes_max, about(50));
}

TEST(Sweep, AnotherSplitBeginsItAnew) {
  TestShard parent;
  for (int i = 0; i < 100; ++i) parent.Do(Put{"k" + std::to_string(i), "v"});
  SplitInTheMiddle(parent);
  parent.Do(SweepShard{});
  parent.Do(SplitShard{.child = ShardId(71), .at = sharding::Slot{4096}, .shard_version = 2});
  EXPECT_GT(parent.Do(SweepShard{}).deleted, 0u);
  for (const auto& [key, value] : parent.state().rows()) {
    if (key < AllDataRowsBegin()) continue;
    EXPECT_LT(sharding::SlotOf(UserKey(key)), sharding::Slot{4096});
  }
}

}  // namespace
}  // namespace flotilla::kv

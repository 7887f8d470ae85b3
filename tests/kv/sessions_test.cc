// Exactly-once writes: replays, windows, acknowledgement, expiry, eviction, restarts.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/rows.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

using testing::Optional;

CommandResult Refusal(ResultCode code) { return {.code = code}; }

CommandResult Replayed(CommandResult result) {
  result.replayed = true;
  return result;
}

int SessionRows(TestShard& shard) {
  int count = 0;
  for (const auto& [key, value] : shard.state().rows()) {
    if (SessionRowsBegin() <= key && key < SessionRowsEnd()) ++count;
  }
  return count;
}

AppliedState WithLimits(SessionLimits limits) {
  AppliedState state = NewShardState();
  state.session_limits = limits;
  return state;
}

constexpr Duration kExpiry = std::chrono::minutes(10);

// Lets time go by in steps that all count as session time.
void PassSessionTime(TestShard& shard, Duration duration) {
  constexpr Duration kStep = std::chrono::minutes(1);
  for (; duration > Duration(0); duration -= std::min(duration, kStep)) {
    shard.PassTime(std::min(duration, kStep));
    shard.Apply({});
  }
}

TEST(Session, IsNamedByTheCommandThatOpenedIt) {
  TestShard shard;
  shard.Do(Put{"k", "v"});
  const auto results = shard.Apply({{.operation = OpenSession{}}, {.operation = OpenSession{}}});
  EXPECT_EQ(DecodeSessionToken(results[0].session_token).value(),
            (SessionToken{ShardId(7), LogIndex(2), 0}));
  EXPECT_EQ(DecodeSessionToken(results[1].session_token).value(),
            (SessionToken{ShardId(7), LogIndex(2), 1}));
}

TEST(Session, GivesARetriedWriteItsFirstResultAndVersion) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const CommandResult first = shard.Do(Increment{"n", 1}, InSession(session, 1));
  shard.Do(Increment{"n", 1});
  EXPECT_EQ(shard.Do(Increment{"n", 1}, InSession(session, 1)), Replayed(first));
  EXPECT_THAT(shard.GetRow("n"), Optional(Row{"n", "2", 2, 1}));
}

TEST(Session, ReplaysEveryKindOfResult) {
  TestShard shard;
  shard.Do(Put{"text", "x"});
  const std::vector<Operation> operations = {
      Put{"a", "1"},
      Delete{"absent"},
      CompareAndSwap{{.kind = Condition::Kind::kAbsent, .key = "text"}, "y"},
      Increment{"text", 1},
      Batch{{Put{"a", "2"}, Increment{"a", 3}}},
      Batch{{Increment{"text", 3}}},
      Txn{.then = {Delete{"a"}}},
      DeleteRange{.limit = 1}};
  const SessionToken session = shard.OpenSession();
  std::vector<CommandResult> first;
  for (size_t i = 0; i < operations.size(); ++i) {
    first.push_back(shard.Do(operations[i], InSession(session, i + 1)));
  }
  shard.Restart();
  const auto rows = shard.state().rows();
  const uint64_t revision = shard.applied().revision;
  for (size_t i = 0; i < operations.size(); ++i) {
    EXPECT_EQ(shard.Do(operations[i], InSession(session, i + 1)), Replayed(first[i])) << i;
  }
  EXPECT_EQ(shard.applied().revision, revision);
}

TEST(Session, GoesBySequenceNumberAndNotByWhatTheRetryAsks) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const CommandResult first = shard.Do(Put{"a", "1"}, InSession(session, 1));
  EXPECT_EQ(shard.Do(Put{"b", "2"}, InSession(session, 1)), Replayed(first));
  EXPECT_EQ(shard.GetRow("b"), std::nullopt);
}

TEST(Session, AppliesADuplicateInOneEntryOnce) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const Command command{.identity = InSession(session, 1), .operation = Increment{"n", 1}};
  const auto results = shard.Apply({command, command});
  EXPECT_EQ(results[0], (CommandResult{.version = 1, .value = "1"}));
  EXPECT_EQ(results[1], Replayed(results[0]));
}

TEST(Session, AppliesADuplicateInOneBatchOfEntriesOnce) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const Command command{.identity = InSession(session, 1), .operation = Increment{"n", 1}};
  raft::Entry first = shard.MakeEntry({command});
  raft::Entry second = first;
  second.index = first.index.next();
  const auto results = shard.TryApply({first, second});
  ASSERT_TRUE(results.ok());
  EXPECT_EQ(results->at(1).results[0], Replayed(results->at(0).results[0]));
}

TEST(Session, TakesSequenceNumbersInAnyOrder) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  for (const uint64_t sequence : {5, 2, 900, 3}) {
    EXPECT_EQ(shard.Do(Increment{"n", 1}, InSession(session, sequence)).code, ResultCode::kOk);
  }
  EXPECT_THAT(shard.Value("n"), Optional(std::string("4")));
  for (const uint64_t sequence : {2, 3, 5, 900}) {
    EXPECT_TRUE(shard.Do(Increment{"n", 1}, InSession(session, sequence)).replayed);
  }
}

TEST(Session, KeepsSequenceNumbersOfDifferentSessionsApart) {
  TestShard shard;
  const SessionToken a = shard.OpenSession();
  const SessionToken b = shard.OpenSession();
  EXPECT_FALSE(shard.Do(Increment{"n", 1}, InSession(a, 1)).replayed);
  EXPECT_FALSE(shard.Do(Increment{"n", 1}, InSession(b, 1)).replayed);
}

TEST(Session, ThatNeverWasIsUnknownAndNothingChanges) {
  TestShard shard;
  const SessionToken never{ShardId(7), LogIndex(99), 0};
  EXPECT_EQ(shard.Do(Put{"k", "v"}, InSession(never, 1)), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = never}), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(shard.Do(CloseSession{}, {.session = never}), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(shard.GetRow("k"), std::nullopt);
  EXPECT_EQ(SessionRows(shard), 0);
}

TEST(Session, IsUnknownOnceClosed) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", "v"}, InSession(session, 1));
  EXPECT_EQ(shard.Do(CloseSession{}, {.session = session}), CommandResult{});
  EXPECT_EQ(shard.Do(Put{"k", "w"}, InSession(session, 1)), Refusal(ResultCode::kSessionUnknown));
  EXPECT_THAT(shard.Value("k"), Optional(std::string("v")));
  EXPECT_EQ(SessionRows(shard), 0);
}

TEST(Session, OpenedUsedAndClosedInOneEntryLeavesNoRow) {
  TestShard shard;
  const SessionToken session{ShardId(7), shard.applied().index.next(), 0};
  const auto results =
      shard.Apply({{.operation = OpenSession{}},
                   {.identity = InSession(session, 1), .operation = Put{"k", "v"}},
                   {.identity = {.session = session}, .operation = CloseSession{}}});
  EXPECT_EQ(results[1].code, ResultCode::kOk);
  EXPECT_EQ(results[2].code, ResultCode::kOk);
  EXPECT_EQ(SessionRows(shard), 0);
}

TEST(SessionAcknowledgement, ForgetsTheAnswers) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", "1"}, InSession(session, 1));
  shard.Do(Put{"k", "2"}, InSession(session, 2, 2));
  EXPECT_EQ(shard.Do(Put{"k", "3"}, InSession(session, 1)),
            Refusal(ResultCode::kSequenceForgotten));
  EXPECT_TRUE(shard.Do(Put{"k", "3"}, InSession(session, 2)).replayed);
  EXPECT_THAT(shard.Value("k"), Optional(std::string("2")));
}

TEST(SessionAcknowledgement, IsNotTakenBackByALateRequest) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", "1"}, InSession(session, 5, 5));
  shard.Do(Put{"k", "2"}, InSession(session, 6, 1));
  EXPECT_EQ(shard.Do(Put{"k", "3"}, InSession(session, 4)),
            Refusal(ResultCode::kSequenceForgotten));
}

TEST(SessionAcknowledgement, DeletesRowsThatHoldNoAnswerAnyMore) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  for (uint64_t sequence = 1; sequence <= 10; ++sequence) {
    shard.Do(Put{"k", ""}, InSession(session, sequence));
  }
  EXPECT_EQ(SessionRows(shard), 10);
  shard.Do(KeepAlive{}, {.session = session, .acknowledged_below = 8});
  EXPECT_EQ(SessionRows(shard), 4);  // of 8, 9 and 10, and the newest
  shard.Do(KeepAlive{}, {.session = session, .acknowledged_below = 11});
  EXPECT_EQ(SessionRows(shard), 1);
}

TEST(SessionAcknowledgement, KeepsARowAsLongAsOneOfItsAnswersIsHeld) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Apply({{.identity = InSession(session, 1), .operation = Put{"a", ""}},
               {.identity = InSession(session, 3), .operation = Put{"b", ""}}});
  shard.Do(Put{"c", ""}, InSession(session, 2));
  shard.Do(KeepAlive{}, {.session = session, .acknowledged_below = 3});
  shard.Restart();
  EXPECT_EQ(shard.Do(Put{"b", ""}, InSession(session, 3)).version, 2);
  EXPECT_EQ(shard.applied().revision, 3);
}

TEST(SessionAcknowledgement, InTheEntryThatGaveTheAnswerCounts) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  const auto results =
      shard.Apply({{.identity = InSession(session, 1), .operation = Put{"a", ""}},
                   {.identity = InSession(session, 2, 2), .operation = Put{"a", ""}},
                   {.identity = InSession(session, 1), .operation = Put{"a", ""}}});
  EXPECT_EQ(results[2].code, ResultCode::kSequenceForgotten);
  shard.Restart();
  EXPECT_EQ(shard.Do(Put{"a", ""}, InSession(session, 1)).code, ResultCode::kSequenceForgotten);
  EXPECT_TRUE(shard.Do(Put{"a", ""}, InSession(session, 2)).replayed);
}

TEST(SessionWindow, IsBoundedByAnswersHeldAndNotByTheirSpan) {
  TestShard shard(WithLimits({.max_results_per_session = 2}));
  const SessionToken session = shard.OpenSession();
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)).code, ResultCode::kOk);
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1'000'000)).code, ResultCode::kOk);
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 2)), Refusal(ResultCode::kWindowFull));
  EXPECT_EQ(shard.applied().revision, 2);
}

TEST(SessionWindow, ThatIsFullStillReplays) {
  TestShard shard(WithLimits({.max_results_per_session = 1}));
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", ""}, InSession(session, 1));
  EXPECT_TRUE(shard.Do(Put{"k", ""}, InSession(session, 1)).replayed);
}

TEST(SessionWindow, ARefusedWriteIsNotRecordedAndGoesThroughLater) {
  TestShard shard(WithLimits({.max_results_per_session = 1}));
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", "1"}, InSession(session, 1));
  EXPECT_EQ(shard.Do(Put{"k", "2"}, InSession(session, 2)).code, ResultCode::kWindowFull);
  EXPECT_EQ(shard.Do(Put{"k", "2"}, InSession(session, 2, 2)), (CommandResult{.version = 2}));
}

TEST(SessionWindow, IsBoundedInBytes) {
  TestShard shard(WithLimits({.max_bytes_per_session = 2000}));
  shard.Do(Put{"k", std::string(1000, 'x')});
  const SessionToken session = shard.OpenSession();
  const CompareAndSwap failing{{.kind = Condition::Kind::kAbsent, .key = "k"}, ""};
  EXPECT_EQ(shard.Do(failing, InSession(session, 1)).code, ResultCode::kCompareFailed);
  EXPECT_EQ(shard.Do(failing, InSession(session, 2)).code, ResultCode::kCompareFailed);
  EXPECT_EQ(shard.Do(failing, InSession(session, 3)), Refusal(ResultCode::kWindowFull));
  shard.Restart();
  EXPECT_EQ(shard.Do(failing, InSession(session, 3)), Refusal(ResultCode::kWindowFull));
  EXPECT_EQ(shard.Do(failing, InSession(session, 3, 3)).code, ResultCode::kCompareFailed);
}

TEST(SessionExpiry, EndsASessionThatWasIdleForTooLong) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", "v"}, InSession(session, 1));
  PassSessionTime(shard, kExpiry + Duration(1));
  EXPECT_EQ(shard.Do(Put{"k", "w"}, InSession(session, 1)), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(SessionRows(shard), 0);
}

TEST(SessionExpiry, SparesASessionAtItsVeryLimit) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  PassSessionTime(shard, kExpiry);
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)).code, ResultCode::kOk);
}

TEST(SessionExpiry, IsPutOffByUse) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  PassSessionTime(shard, kExpiry);
  shard.Do(KeepAlive{}, {.session = session});
  PassSessionTime(shard, kExpiry);
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)).code, ResultCode::kOk);
}

TEST(SessionExpiry, IsNotBroughtOnByOneLeapOfTheClock) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.PassTime(std::chrono::hours(24 * 365));
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)).code, ResultCode::kOk);
}

TEST(SessionExpiry, LeavesRowsForLaterWhenMuchIsDueAtOnceAndKnowsThemNot) {
  TestShard shard(WithLimits({.max_sessions = 3000}));
  std::vector<Command> commands(2500, {.operation = OpenSession{}});
  const LogIndex index = shard.applied().index.next();
  shard.Apply(commands);
  PassSessionTime(shard, kExpiry);
  shard.PassTime(std::chrono::minutes(1));
  const SessionToken last{ShardId(7), index, 2499};
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = last}), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(SessionRows(shard), 1500);
  shard.Restart();
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = last}), Refusal(ResultCode::kSessionUnknown));
  EXPECT_EQ(SessionRows(shard), 500);
}

TEST(SessionEviction, TakesTheLeastRecentlyUsed) {
  TestShard shard(WithLimits({.max_sessions = 2}));
  const SessionToken a = shard.OpenSession();
  const SessionToken b = shard.OpenSession();
  shard.Do(KeepAlive{}, {.session = a});
  const SessionToken c = shard.OpenSession();
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = a}).code, ResultCode::kOk);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = b}).code, ResultCode::kSessionUnknown);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = c}).code, ResultCode::kOk);
}

TEST(SessionEviction, GoesByTheOrderOfUseWithinAnEntryAlsoAfterARestart) {
  for (const bool restart : {false, true}) {
    TestShard shard(WithLimits({.max_sessions = 3}));
    const SessionToken a = shard.OpenSession();
    const SessionToken b = shard.OpenSession();
    const SessionToken c = shard.OpenSession();
    const auto use = [](const SessionToken& token) {
      return Command{.identity = {.session = token}, .operation = KeepAlive{}};
    };
    shard.Apply({use(c), use(a), use(b), use(c)});
    if (restart) shard.Restart();
    shard.OpenSession();
    EXPECT_EQ(shard.Apply({use(c)})[0].code, ResultCode::kSessionUnknown);
    EXPECT_EQ(shard.Apply({use(a)})[0].code, ResultCode::kOk);
    EXPECT_EQ(shard.Apply({use(b)})[0].code, ResultCode::kOk);
  }
}

TEST(SessionEviction, MayTakeASessionOfTheSameEntry) {
  TestShard shard(WithLimits({.max_sessions = 1}));
  const auto results = shard.Apply({{.operation = OpenSession{}}, {.operation = OpenSession{}}});
  const SessionToken first = DecodeSessionToken(results[0].session_token).value();
  const SessionToken second = DecodeSessionToken(results[1].session_token).value();
  EXPECT_EQ(SessionRows(shard), 1);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = first}).code, ResultCode::kSessionUnknown);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = second}).code, ResultCode::kOk);
}

TEST(SessionEviction, KeepsAllSessionsWithinTheirBytes) {
  TestShard shard(WithLimits({.max_bytes = 2500}));
  shard.Do(Put{"k", std::string(1000, 'x')});
  const CompareAndSwap failing{{.kind = Condition::Kind::kAbsent, .key = "k"}, ""};
  std::vector<SessionToken> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.push_back(shard.OpenSession());
    shard.Do(failing, InSession(sessions.back(), 1));
  }
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = sessions[0]}).code, ResultCode::kSessionUnknown);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = sessions[1]}).code, ResultCode::kOk);
  EXPECT_EQ(shard.Do(KeepAlive{}, {.session = sessions[2]}).code, ResultCode::kOk);
}

TEST(SessionEviction, SparesTheOnlySessionThereIs) {
  TestShard shard(WithLimits({.max_bytes = 1}));
  const SessionToken session = shard.OpenSession();
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)).code, ResultCode::kOk);
  EXPECT_TRUE(shard.Do(Put{"k", ""}, InSession(session, 1)).replayed);
}

TEST(SessionEviction, SparesWhatJustFits) {
  const auto rows_bytes = [](TestShard& shard) {
    uint64_t bytes = 0;
    for (const auto& [key, value] : shard.state().rows()) {
      if (SessionRowsBegin() <= key && key < SessionRowsEnd()) bytes += value.size();
    }
    return bytes;
  };
  TestShard measured;
  measured.OpenSession();
  measured.OpenSession();
  for (const uint64_t missing : {0, 1}) {
    TestShard shard(WithLimits({.max_bytes = rows_bytes(measured) - missing}));
    shard.OpenSession();
    shard.OpenSession();
    EXPECT_EQ(SessionRows(shard), missing == 0 ? 2 : 1);
  }
}

TEST(SessionRefusals, OfAWrongShardAreNotRecorded) {
  AppliedState state = NewShardState();
  state.descriptor.arc = {sharding::SlotOf("mine"), sharding::SlotOf("mine")};
  TestShard shard(state);
  const SessionToken session = shard.OpenSession();
  EXPECT_EQ(shard.Do(Put{"other", ""}, InSession(session, 1)), Refusal(ResultCode::kWrongShard));
  EXPECT_EQ(shard.Do(Put{"mine", ""}, InSession(session, 1)), (CommandResult{.version = 1}));
}

TEST(SessionRefusals, OfAnInvalidCommandAreNotRecorded) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  EXPECT_EQ(shard.Do(Put{"", ""}, InSession(session, 1)), Refusal(ResultCode::kInvalid));
  EXPECT_EQ(shard.Do(Put{"k", ""}, InSession(session, 1)), (CommandResult{.version = 1}));
}

TEST(SessionRows, StayAsManyAsAnswersAreHeldHoweverManyWritesWereMade) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  for (uint64_t sequence = 1; sequence <= 1000; ++sequence) {
    shard.Do(Put{"k", ""}, InSession(session, sequence, sequence));
    ASSERT_LE(SessionRows(shard), 2);
  }
}

TEST(SessionRows, ThatAreMissingAreDataLoss) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  shard.Do(Put{"k", ""}, InSession(session, 1));
  shard.state().rows().erase(SessionRowKey(session, shard.applied().index));
  const auto results = shard.TryApply(
      {shard.MakeEntry({{.identity = InSession(session, 1), .operation = Put{"k", ""}}})});
  EXPECT_EQ(results.status().code(), absl::StatusCode::kDataLoss);
}

TEST(SessionRows, ThatAreMalformedRefuseToLoad) {
  TestShard shard;
  const SessionToken session = shard.OpenSession();
  std::string& row = shard.state().rows()[SessionRowKey(session, shard.applied().index)];
  row.pop_back();
  EXPECT_EQ(StateMachine::Load(shard.state(), ShardId(7)).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace flotilla::kv

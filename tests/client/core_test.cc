// Routing, batching, deadlines and what happens when nodes fail.
#include "tests/client/core_fixture.h"
#include <gmock/gmock.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(CoreTest, PutAndGetGoToTheLeader) {
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  auto get = Run(Get{"k"});
  ASSERT_TRUE(get->ok());
  EXPECT_EQ(std::get<GetResult>(**get->result).value, "v");
  for (const Received& received : cluster_.received()) EXPECT_EQ(received.endpoint, "a");
}

TEST_F(CoreTest, RequestsNameShardAndVersionOfTheMap) {
  cluster_.shards = {{{ShardId(7), sharding::Arc{}, 3}, ""}};
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_EQ(cluster_.received().back().shard, ShardId(7));
  EXPECT_EQ(cluster_.received().back().shard_version, 3);
}

TEST_F(CoreTest, KeysGoToTheShardThatOwnsTheirSlot) {
  const sharding::Slot slot = sharding::SlotOf("k");
  const sharding::Slot before{static_cast<uint16_t>(slot.value - 1)};
  cluster_.shards = {
      {{ShardId(1), {sharding::Slot{0}, before}, 1}, ""},
      {{ShardId(2), {slot, sharding::Slot{sharding::kSlotCount - 1}}, 1}, ""},
  };
  ASSERT_TRUE(Run(Get{"k"})->ok());
  EXPECT_EQ(cluster_.received().back().shard, ShardId(2));
}

TEST_F(CoreTest, ManyCallersAtTheStartAskForTheMapAndASessionOnce) {
  std::vector<std::shared_ptr<Ended>> all;
  for (int i = 0; i < 100; ++i) all.push_back(Begin(Increment{"n", 1}));
  time_.RunFor(seconds(1));
  for (const auto& ended : all) EXPECT_TRUE(ended->ok());
  EXPECT_EQ(cluster_.map_requests(), 1);
  EXPECT_EQ(cluster_.sessions_opened(), 1);
  EXPECT_EQ(cluster_.ValueOf("n"), "100");
}

TEST_F(CoreTest, CallsThatQueueWhileAMessageIsOnItsWayShareTheNextOne) {
  WarmUp();
  const size_t before = cluster_.messages();
  std::vector<std::shared_ptr<Ended>> all;
  for (int i = 0; i < 50; ++i) all.push_back(Begin(Increment{"n", 1}));
  time_.RunFor(seconds(1));
  for (const auto& ended : all) EXPECT_TRUE(ended->ok());
  EXPECT_EQ(cluster_.messages() - before, 2) << "the first alone, all others together";
}

TEST_F(CoreTest, AMessageIsBoundedInBytes) {
  options_.link.max_batch_bytes = 1000;
  WarmUp();
  const size_t before = cluster_.messages();
  std::vector<Call> calls;
  auto ended = std::make_shared<Ended>();
  for (int i = 0; i < 10; ++i) {
    calls.push_back(
        MakeCall(std::make_shared<Ended>(), Put{"k", std::string(400, 'x')}, seconds(5)));
  }
  core().Execute(std::move(calls));
  time_.RunFor(seconds(1));
  EXPECT_EQ(cluster_.messages() - before, 5);
}

TEST_F(CoreTest, AnOperationLargerThanAMessageGoesAlone) {
  options_.link.max_batch_bytes = 100;
  EXPECT_TRUE(Run(Put{"k", std::string(5000, 'x')})->ok());
}

TEST_F(CoreTest, ARedirectIsFollowedAtOnceAndRemembered) {
  cluster_.believed_leader = "a";
  WarmUp();
  cluster_.leader = "b";
  cluster_.believed_leader = "b";
  const MonoTime start = time_.Now();
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_LT(time_.Now() - start, 6 * kHop) << "one refusal, one connection, one answer";
  const size_t asked = cluster_.received().size();
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_EQ(cluster_.received().size(), asked + 1);
  EXPECT_EQ(cluster_.received().back().endpoint, "b");
}

TEST_F(CoreTest, NodesThatRedirectInACircleAreAskedWithBackOff) {
  WarmUp();
  cluster_.leader = "c";
  cluster_.believed_leader = "b";
  auto put = Begin(Put{"k", "v"}, seconds(2));
  time_.RunFor(seconds(1));
  EXPECT_LT(cluster_.received().size(), 60) << "not a hot loop";
  cluster_.believed_leader.reset();
  time_.RunFor(seconds(1));
  EXPECT_TRUE(put->ok());
}

TEST_F(CoreTest, AKilledLeaderIsReplacedWithinAFewHopsOfTheElection) {
  WarmUp();
  cluster_.Kill("a");
  cluster_.leader = "";
  auto put = Begin(Put{"k", "v"});
  time_.RunFor(milliseconds(300));
  EXPECT_FALSE(put->done());
  cluster_.leader = "c";
  const MonoTime elected = time_.Now();
  ASSERT_TRUE(time_.RunUntil([&] { return put->done(); }));
  EXPECT_TRUE(put->ok());
  EXPECT_LT(time_.Now() - elected, milliseconds(270));
}

TEST_F(CoreTest, APartitionedNodeIsLeftAfterTheSilenceLimit) {
  WarmUp();
  cluster_.Isolate("a");
  cluster_.leader = "b";
  const MonoTime start = time_.Now();
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_LT(time_.Now() - start, options_.silence_limit + milliseconds(50));
  // And it is not gone back to, although it may still call itself the leader.
  const MonoTime again = time_.Now();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(Run(Put{"k", "v"})->ok());
    time_.RunFor(milliseconds(100));
  }
  EXPECT_LT(time_.Now() - again, 20 * milliseconds(105)) << "no call waited for the silent node";
}

TEST_F(CoreTest, APartitionedNodeIsLeftAlthoughNoCallWaitsForTheSilenceLimit) {
  WarmUp();
  cluster_.Isolate("a");
  cluster_.leader = "b";
  const Duration timeout = options_.silence_limit / 4;
  int failed = 0;
  while (!Run(Get{"k"}, timeout)->ok()) ASSERT_LT(++failed, 6);
  EXPECT_GE(failed, 4) << "not before the limit";
}

TEST_F(CoreTest, ANodeThatComesBackIsUsedAgain) {
  WarmUp();
  cluster_.Kill("a");
  cluster_.followers_forward = true;
  cluster_.leader = "b";
  ASSERT_TRUE(Run(Put{"k", "1"})->ok());
  cluster_.Revive("a");
  cluster_.leader = "a";
  cluster_.followers_forward = false;
  ASSERT_TRUE(Run(Put{"k", "2"})->ok());
  EXPECT_EQ(cluster_.received().back().endpoint, "a");
}

TEST_F(CoreTest, ANodeThatWaitedInVainForAMajorityIsNotAskedAgainAtOnce) {
  WarmUp();
  const size_t before = cluster_.received().size();
  cluster_.leader = "b";
  cluster_.RefuseNext({StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded, Outcome::kUnknown,
                       "nobody answered in time", Duration(0), std::nullopt});
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_EQ(cluster_.received()[before].endpoint, "a");
  EXPECT_NE(cluster_.received()[before + 1].endpoint, "a");
}

TEST_F(CoreTest, ANodeThatSaysSoTooLateIsLeftToo) {
  WarmUp();
  const size_t before = cluster_.received().size();
  cluster_.followers_forward = true;
  cluster_.RefuseNext({StatusCode::kDeadlineExceeded, Reason::kDeadlineExceeded, Outcome::kUnknown,
                       "nobody answered in time", Duration(0), std::nullopt});
  ASSERT_FALSE(Run(Put{"k", "v"}, 2 * kHop - Duration(1))->ok());
  time_.RunFor(kHop);
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_EQ(cluster_.received()[before].endpoint, "a");
  EXPECT_NE(cluster_.received()[before + 1].endpoint, "a");
}

TEST_F(CoreTest, ACallThatIsNotAnsweredIsTriedElsewhere) {
  WarmUp();
  cluster_.followers_forward = true;
  cluster_.LoseNextRequest();
  auto lost = Begin(Get{"lost"});
  for (int i = 0; i < 30 && !lost->done(); ++i) {
    ASSERT_TRUE(Run(Get{"k"})->ok());
    time_.RunFor(milliseconds(100));
  }
  ASSERT_TRUE(lost->ok());
  std::vector<std::string> asked;
  for (const Received& received : cluster_.received()) {
    const auto* get = std::get_if<Get>(&received.operation);
    if (get != nullptr && get->key == "lost") asked.push_back(received.endpoint);
  }
  ASSERT_EQ(asked.size(), 2);
  EXPECT_EQ(asked[0], "a");
  EXPECT_NE(asked[1], "a");
}

// It answers everything, but never helps; as one that was removed, or is cut off from the others.
TEST_F(CoreTest, NodesThatCameBackAreFoundAlthoughAUselessOneAnswers) {
  WarmUp();
  cluster_.replicas_only_of["a"] = {};
  cluster_.leader = "b";
  cluster_.Kill("b");
  cluster_.Kill("c");
  EXPECT_FALSE(Run(Put{"k", "v"}, seconds(1))->ok());
  cluster_.Revive("b");
  cluster_.Revive("c");
  EXPECT_TRUE(Run(Put{"k", "v"})->ok());
}

TEST_F(CoreTest, AShardThatTheAskedNodeDoesNotKnowIsAskedOfOthers) {
  cluster_.shards = {{{ShardId(1), {sharding::Slot{0}, sharding::Slot{8191}}, 1}, ""},
                     {{ShardId(2), {sharding::Slot{8192}, sharding::Slot{16383}}, 1}, ""}};
  cluster_.replicas_only_of["a"] = {ShardId(1)};
  cluster_.leader = "b";
  const std::string key = "foo";
  ASSERT_GT(sharding::SlotOf(key).value, 8191);
  EXPECT_TRUE(Run(Put{key, "v"})->ok());
}

TEST_F(CoreTest, ASlowAnswerAmongPromptOnesDoesNotBreakTheConnection) {
  WarmUp();
  cluster_.LoseNextRequest();
  auto lost = Begin(Get{"lost"});
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(Run(Get{"k"})->ok());
    time_.RunFor(milliseconds(100));
  }
  EXPECT_TRUE(lost->ok()) << "it was tried again";
  EXPECT_EQ(cluster_.connects("a"), 1);
}

TEST_F(CoreTest, ALargeWriteOnASlowLineIsNotTakenForSilence) {
  WarmUp();
  time_.RunFor(seconds(10));
  cluster_.bytes_per_second = 2'000'000;
  auto large = Begin(Put{"large", std::string(4 << 20, 'x')});
  time_.RunFor(milliseconds(10));
  auto small = Begin(Put{"small", "x"});
  ASSERT_TRUE(time_.RunUntil([&] { return large->done() && small->done(); }));
  EXPECT_TRUE(large->ok()) << large->status();
  EXPECT_TRUE(small->ok()) << small->status();
  EXPECT_EQ(cluster_.connects("a"), 1);
  EXPECT_EQ(cluster_.applied(), 3);
}

TEST_F(CoreTest, ManyWritesOnASlowLineGoOn) {
  WarmUp();
  cluster_.bytes_per_second = 2'000'000;
  std::vector<std::shared_ptr<Ended>> puts;
  for (int i = 0; i < 40; ++i) {
    puts.push_back(Begin(Put{std::to_string(i), std::string(1'000'000, 'x')}, seconds(60)));
  }
  for (const auto& put : puts) {
    ASSERT_TRUE(time_.RunUntil([&] { return put->done(); }));
    EXPECT_TRUE(put->ok()) << put->status();
  }
  EXPECT_EQ(cluster_.connects("a"), 1);
}

TEST_F(CoreTest, ALargeAnswerOnASlowLineComesInTheEnd) {
  WarmUp();
  ASSERT_TRUE(Run(Put{"large", std::string(1 << 20, 'x')})->ok());
  cluster_.followers_forward = true;
  cluster_.bytes_per_second = 600'000;
  EXPECT_TRUE(Run(Get{"large"}, seconds(20))->ok());
}

TEST_F(CoreTest, APartitionIsNoticedSoonAfterLargeWritesToo) {
  WarmUp();
  cluster_.Isolate("a");
  cluster_.leader = "b";
  const MonoTime start = time_.Now();
  ASSERT_TRUE(Run(Put{"k", std::string(100'000, 'x')})->ok());
  EXPECT_LT(time_.Now() - start, options_.silence_limit + milliseconds(200));
}

TEST_F(CoreTest, AnUnreachableClusterIsReportedAtTheDeadline) {
  for (const char* endpoint : {"a", "b", "c"}) cluster_.Kill(endpoint);
  const MonoTime start = time_.Now();
  auto put = Run(Put{"k", "v"}, seconds(3));
  EXPECT_GE(put->at - start, seconds(3));
  EXPECT_LT(put->at - start, seconds(3) + milliseconds(10));
  EXPECT_EQ(put->status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(put->status().reason(), reason::kUnreachable);
  EXPECT_EQ(put->status().outcome(), Outcome::kNotApplied) << "nothing was ever sent";
  EXPECT_THAT(put->status().ToString(), HasSubstr("connection refused"));
  EXPECT_THAT(put->status().ToString(), HasSubstr("a, b, c"));
}

TEST_F(CoreTest, NodesThatAreDownAreProbedWithGrowingPauses) {
  WarmUp();
  for (const char* endpoint : {"a", "b", "c"}) cluster_.Kill(endpoint);
  auto put = Begin(Put{"k", "v"}, seconds(10));
  time_.RunFor(seconds(5));
  for (const char* endpoint : {"a", "b", "c"}) {
    EXPECT_GE(cluster_.connects(endpoint), 5);
    EXPECT_LE(cluster_.connects(endpoint), 40);
  }
}

TEST_F(CoreTest, ANewLeaderIsFoundAlthoughOthersForwardToIt) {
  cluster_.followers_forward = true;
  WarmUp();
  cluster_.Kill("a");
  cluster_.leader = "c";
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Run(Put{"k", "v"})->ok());
    time_.RunFor(milliseconds(50));
  }
  EXPECT_EQ(cluster_.received().back().endpoint, "c");
}

TEST_F(CoreTest, ANewLeaderIsFoundAlthoughTheMapIsSlowToNoticeTheOldOnesDeath) {
  cluster_.followers_forward = true;
  WarmUp();
  cluster_.Kill("a");
  cluster_.leader = "c";
  cluster_.believed_leader = "a";
  for (int i = 0; i < 20; ++i) {
    if (i == 5) cluster_.believed_leader.reset();
    ASSERT_TRUE(Run(Put{"k", "v"})->ok());
    time_.RunFor(milliseconds(50));
  }
  EXPECT_EQ(cluster_.received().back().endpoint, "c");
  EXPECT_LT(cluster_.map_requests(), 20) << "asked for with pauses";
}

TEST_F(CoreTest, AClusterThatIsNotFormedYetIsReportedAsSuch) {
  cluster_.shards.clear();
  auto put = Run(Put{"k", "v"}, seconds(1));
  EXPECT_EQ(put->status().reason(), "NOT_READY");
  EXPECT_EQ(put->status().outcome(), Outcome::kNotApplied);
}

TEST_F(CoreTest, ABlackHoleIsReportedAtTheDeadline) {
  for (const char* endpoint : {"a", "b", "c"}) cluster_.Isolate(endpoint);
  auto get = Run(Get{"k"}, seconds(2));
  EXPECT_EQ(get->status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(get->status().outcome(), Outcome::kNotApplied);
}

TEST_F(CoreTest, AClusterThatComesUpLateServesTheWaitingCall) {
  for (const char* endpoint : {"a", "b", "c"}) cluster_.Kill(endpoint);
  auto put = Begin(Put{"k", "v"}, seconds(10));
  time_.RunFor(seconds(4));
  for (const char* endpoint : {"a", "b", "c"}) cluster_.Revive(endpoint);
  time_.RunFor(seconds(1));
  EXPECT_TRUE(put->ok());
}

TEST_F(CoreTest, WithoutALeaderACallEndsAtItsDeadlineAndSaysWhy) {
  WarmUp();
  cluster_.leader = "";
  const MonoTime start = time_.Now();
  auto put = Run(Put{"k", "v"}, seconds(1));
  EXPECT_LT(put->at - start, seconds(1) + milliseconds(10));
  EXPECT_EQ(put->status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(put->status().reason(), reason::kNoLeader);
  EXPECT_EQ(put->status().outcome(), Outcome::kNotApplied);
  EXPECT_LT(cluster_.received().size(), 40) << "with back-off";
}

TEST_F(CoreTest, AShardWithoutALeaderDoesNotKeepTheClusterBusyWhenNobodyCalls) {
  WarmUp();
  cluster_.leader = "";
  auto put = Run(Put{"k", "v"}, seconds(1));
  const size_t asked = cluster_.map_requests();
  time_.RunFor(seconds(60));
  EXPECT_LE(cluster_.map_requests(), asked + 1);
  EXPECT_TRUE(time_.idle());
}

TEST_F(CoreTest, OverloadWaitsAsLongAsTheServerSays) {
  WarmUp();
  cluster_.RefuseNext({StatusCode::kResourceExhausted, Reason::kOverloaded, Outcome::kNotApplied,
                       "full", milliseconds(700), std::nullopt});
  const MonoTime start = time_.Now();
  ASSERT_TRUE(Run(Put{"k", "v"})->ok());
  EXPECT_GE(time_.Now() - start, milliseconds(700));
}

TEST_F(CoreTest, WhatCannotGetBetterIsNotTriedAgain) {
  WarmUp();
  for (Reason reason : {Reason::kInvalidRequest, Reason::kPermissionDenied, Reason::kDiskFull,
                        Reason::kUnsupported, Reason::kNotANumber, Reason::kValueTooLarge}) {
    const size_t before = cluster_.received().size();
    cluster_.RefuseNext({StatusCode::kInvalidArgument, reason, Outcome::kNotApplied, "no",
                         Duration(0), std::nullopt});
    auto put = Run(Put{"k", "v"});
    EXPECT_EQ(put->status().reason(), ToString(reason));
    EXPECT_EQ(put->status().outcome(), Outcome::kNotApplied);
    EXPECT_EQ(cluster_.received().size(), before + 1);
  }
}

TEST_F(CoreTest, AReasonOfANewerServerIsTreatedByItsCode) {
  WarmUp();
  cluster_.RefuseNext({StatusCode::kUnavailable, static_cast<Reason>(99), Outcome::kNotApplied, "?",
                       Duration(0), std::nullopt});
  EXPECT_TRUE(Run(Put{"k", "v"})->ok());
  cluster_.RefuseNext({StatusCode::kUnimplemented, static_cast<Reason>(98), Outcome::kNotApplied,
                       "?", Duration(0), std::nullopt});
  EXPECT_EQ(Run(Put{"k", "v"})->status().reason(), "REASON_98");
}

// Found by the simulator: each refusal named the leader that the one before had made it forget, so
// two calls sent each other back without a pause.
TEST_F(CoreTest, CallsForAWrongShardDoNotDriveEachOther) {
  WarmUp();
  for (int i = 0; i < 10'000; ++i) {
    cluster_.RefuseNext({StatusCode::kFailedPrecondition, Reason::kWrongShard, Outcome::kNotApplied,
                         "split", Duration(0), RouteHint{ShardId(1), 1, "a"}});
  }
  const size_t before = cluster_.received().size();
  auto one = Begin(Get{"x"}, milliseconds(500));
  auto two = Begin(Get{"y"}, milliseconds(500));
  ASSERT_TRUE(time_.RunUntil([&] { return one->done() && two->done(); }));
  EXPECT_LT(cluster_.received().size() - before, 40u);
}

TEST_F(CoreTest, AWrongShardRefreshesTheMap) {
  WarmUp();
  const size_t asked = cluster_.map_requests();
  cluster_.shards = {{{ShardId(5), sharding::Arc{}, 2}, ""}};
  cluster_.RefuseNext({StatusCode::kFailedPrecondition, Reason::kWrongShard, Outcome::kNotApplied,
                       "moved", Duration(0), std::nullopt});
  ASSERT_TRUE(Run(Get{"k"})->ok());
  EXPECT_EQ(cluster_.map_requests(), asked + 1);
  EXPECT_EQ(cluster_.received().back().shard, ShardId(5));
}

TEST_F(CoreTest, ClosingEndsEveryCallAndRefusesNewOnes) {
  WarmUp();
  cluster_.LoseNextReply();
  auto sent = Begin(Put{"k", "v"});
  time_.RunFor(milliseconds(10));
  auto read = Begin(Get{"k"});
  core().Close();
  EXPECT_EQ(sent->status().reason(), reason::kClientClosed);
  EXPECT_EQ(sent->status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(read->status().outcome(), Outcome::kNotApplied);
  auto late = Begin(Put{"k", "v"});
  EXPECT_EQ(late->status().reason(), reason::kClientClosed);
  EXPECT_EQ(late->status().outcome(), Outcome::kNotApplied);
  EXPECT_EQ(core().pending_calls(), 0);
}

TEST_F(CoreTest, ACallbackMayMakeTheNextCall) {
  auto second = std::make_shared<Ended>();
  Call first;
  first.operation = Increment{"n", 1};
  first.deadline = time_.Now() + seconds(5);
  first.done = [&](StatusOr<Result>) {
    core().Execute(MakeCall(second, Increment{"n", 1}, seconds(5)));
  };
  core().Execute(std::move(first));
  ASSERT_TRUE(time_.RunUntil([&] { return second->done(); }));
  EXPECT_EQ(std::get<IncrementResult>(**second->result).value, 2);
}

TEST_F(CoreTest, NothingIsLeftToDoAfterTheLastCall) {
  WarmUp();
  time_.RunFor(seconds(10));
  EXPECT_TRUE(time_.idle()) << "an idle client sets no timers";
}

}  // namespace
}  // namespace flotilla::client

// Exactly once: a write takes effect once, whatever is lost on the way, and what is said about a
// write that failed is true.
#include "tests/client/core_fixture.h"
#include <gmock/gmock.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class SessionTest : public CoreTest {
 protected:
  void SetUp() override {
    cluster_.followers_forward = true;
    WarmUp();
  }
  // Runs one increment, which must succeed, and returns what it says.
  int64_t Count() {
    auto ended = Run(Increment{"n", 1}, seconds(20));
    EXPECT_TRUE(ended->ok()) << ended->status();
    return ended->ok() ? std::get<IncrementResult>(**ended->result).value : -1;
  }
};

TEST_F(SessionTest, ALostRequestIsRepeated) {
  cluster_.LoseNextRequest();
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
}

TEST_F(SessionTest, ALostReplyIsAskedForAgainAndTheWriteNotRepeated) {
  cluster_.LoseNextReply();
  EXPECT_EQ(Count(), 1) << "the first answer";
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
}

TEST_F(SessionTest, AConnectionThatBreaksAfterTheWriteDoesNotRepeatIt) {
  cluster_.BreakAfterNextApply();
  EXPECT_EQ(Count(), 1);
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
}

TEST_F(SessionTest, ALeaderThatDiesAfterTheWriteDoesNotRepeatIt) {
  cluster_.LoseNextReply();
  auto ended = Begin(Increment{"n", 1});
  time_.RunFor(milliseconds(5));
  cluster_.Kill("a");
  cluster_.leader = "b";
  ASSERT_TRUE(time_.RunUntil([&] { return ended->done(); }));
  EXPECT_EQ(std::get<IncrementResult>(**ended->result).value, 1);
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
}

TEST_F(SessionTest, LostLeadershipIsRetriedUnderTheSameNumber) {
  cluster_.RefuseNext({StatusCode::kAborted, Reason::kLeadershipLost, Outcome::kUnknown,
                       "stepped down", Duration(0), std::nullopt});
  EXPECT_EQ(Count(), 1);
  const auto& received = cluster_.received();
  const Received& first = received[received.size() - 2];
  const Received& second = received.back();
  EXPECT_EQ(first.sequence, second.sequence);
  EXPECT_EQ(first.token, second.token);
}

// Only a shard that was split off says so, and that no try of the write has done anything.
TEST_F(SessionTest, AWriteThatMovedToAChildTakesAnotherPlace) {
  for (int i = 0; i < 2; ++i) {
    cluster_.RefuseNext({StatusCode::kAborted, Reason::kLeadershipLost, Outcome::kUnknown,
                         "stepped down", Duration(0), std::nullopt});
  }
  cluster_.RefuseNext({StatusCode::kFailedPrecondition, Reason::kSessionOfParent,
                       Outcome::kNotApplied, "of the parent", Duration(0), std::nullopt});
  EXPECT_EQ(Count(), 1);
  const auto& received = cluster_.received();
  EXPECT_GT(received.back().sequence, received[received.size() - 2].sequence);
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
}

TEST_F(SessionTest, AnOutcomeThatTheServerDoesNotKnowStaysUnknown) {
  for (int i = 0; i < 100; ++i) {
    cluster_.RefuseNext({StatusCode::kAborted, Reason::kLeadershipLost, Outcome::kUnknown,
                         "stepped down", Duration(0), std::nullopt});
  }
  auto ended = Run(Increment{"n", 1}, milliseconds(200));
  EXPECT_EQ(ended->status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(ended->status().reason(), "LEADERSHIP_LOST");
}

TEST_F(SessionTest, AnAnswerSettlesWhatALostReplyLeftOpen) {
  cluster_.LoseNextRequest();
  auto ended = Begin(Increment{"n", 1});
  time_.RunFor(milliseconds(10));
  cluster_.RefuseNext({StatusCode::kFailedPrecondition, Reason::kNotANumber, Outcome::kNotApplied,
                       "a word", Duration(0), std::nullopt});
  ASSERT_TRUE(time_.RunUntil([&] { return ended->done(); }));
  EXPECT_EQ(ended->status().reason(), reason::kNotANumber);
  EXPECT_EQ(ended->status().outcome(), Outcome::kNotApplied);
}

TEST_F(SessionTest, WritesThatFailedMakeRoomInTheWindow) {
  core_->Close();
  core_.reset();
  options_.sessions.window = 4;
  for (int i = 0; i < 10; ++i) {
    cluster_.RefuseNext({StatusCode::kInvalidArgument, Reason::kInvalidRequest,
                         Outcome::kNotApplied, "no", Duration(0), std::nullopt});
    EXPECT_FALSE(Run(Increment{"n", 1})->ok());
  }
  EXPECT_EQ(Count(), 1);
}

TEST_F(SessionTest, ManyFailuresInARowLoseAndRepeatNothing) {
  for (int i = 1; i <= 30; ++i) {
    switch (i % 5) {
      case 0:
        cluster_.LoseNextRequest();
        break;
      case 1:
        cluster_.LoseNextReply();
        break;
      case 2:
        cluster_.BreakAfterNextApply();
        break;
      case 3:
        cluster_.leader = cluster_.leader == "b" ? "c" : "b";
        break;
      default:
        break;
    }
    EXPECT_EQ(Count(), i);
  }
}

TEST_F(SessionTest, TheDeadlineEndsAWriteWhoseAnswerNeverCameAsUnknown) {
  for (int i = 0; i < 20; ++i) cluster_.LoseNextReply();
  auto ended = Run(Increment{"n", 1}, seconds(1));
  EXPECT_EQ(ended->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(ended->status().outcome(), Outcome::kUnknown);
}

TEST_F(SessionTest, AWriteThatWasOnlyRefusedIsNotApplied) {
  cluster_.leader = "";
  auto ended = Run(Increment{"n", 1}, seconds(1));
  EXPECT_EQ(ended->status().outcome(), Outcome::kNotApplied);
  EXPECT_EQ(cluster_.applied(), 1) << "the warm-up alone";
}

TEST_F(SessionTest, AWriteThatOnceGotNoAnswerStaysUnknownAfterRefusals) {
  cluster_.LoseNextReply();
  auto ended = Begin(Increment{"n", 1}, seconds(3));
  time_.RunFor(milliseconds(10));
  cluster_.leader = "";
  cluster_.Kill("a");
  ASSERT_TRUE(time_.RunUntil([&] { return ended->done(); }));
  EXPECT_EQ(ended->status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(cluster_.ValueOf("n"), "1") << "and indeed it had been applied";
}

TEST_F(SessionTest, ExpiryFoundOnTheFirstTryIsNotAppliedAndNotRepeated) {
  cluster_.ExpireSessions();
  const size_t before = cluster_.received().size();
  auto ended = Run(Increment{"n", 1});
  EXPECT_EQ(ended->status().reason(), reason::kSessionUnknown);
  EXPECT_EQ(ended->status().outcome(), Outcome::kNotApplied);
  EXPECT_EQ(cluster_.received().size(), before + 1);
  EXPECT_EQ(cluster_.ValueOf("n"), "");
}

TEST_F(SessionTest, ExpiryFoundOnARetryIsUnknownAndTheWriteIsNeverSentUnderAnotherToken) {
  cluster_.LoseNextReply();
  auto ended = Begin(Increment{"n", 1});
  time_.RunFor(milliseconds(10));
  cluster_.ExpireSessions();
  ASSERT_TRUE(time_.RunUntil([&] { return ended->done(); }));
  EXPECT_EQ(ended->status().reason(), reason::kSessionUnknown);
  EXPECT_EQ(ended->status().outcome(), Outcome::kUnknown);
  EXPECT_EQ(cluster_.ValueOf("n"), "1");
  EXPECT_EQ(Count(), 2) << "the next write opens a session and works";
  EXPECT_EQ(cluster_.ValueOf("n"), "2");
}

TEST_F(SessionTest, AfterExpiryOneNewSessionServesAllCallers) {
  cluster_.ExpireSessions();
  (void)Run(Increment{"n", 1});
  std::vector<std::shared_ptr<Ended>> all;
  for (int i = 0; i < 50; ++i) all.push_back(Begin(Increment{"n", 1}));
  time_.RunFor(seconds(1));
  for (const auto& ended : all) EXPECT_TRUE(ended->ok());
  EXPECT_EQ(cluster_.sessions_opened(), 2);
}

TEST_F(SessionTest, AnIdleSessionIsReplacedBeforeTheClusterCanExpireIt) {
  time_.RunFor(minutes(5));
  cluster_.ExpireSessions();
  EXPECT_EQ(Count(), 1) << "the caller notices nothing";
  EXPECT_EQ(cluster_.sessions_opened(), 2);
}

TEST_F(SessionTest, ABusySessionIsKept) {
  for (int i = 0; i < 20; ++i) {
    time_.RunFor(seconds(30));
    (void)Count();
  }
  EXPECT_EQ(cluster_.sessions_opened(), 1);
}

TEST_F(SessionTest, AnsweredWritesAreAcknowledgedSoThatTheShardCanForgetThem) {
  for (int i = 0; i < 10; ++i) (void)Count();
  const Received& last = cluster_.received().back();
  EXPECT_EQ(last.acknowledged_below, last.sequence) << "all before it had been answered";
}

TEST_F(SessionTest, AnUnansweredWriteHoldsTheAcknowledgementBack) {
  cluster_.LoseNextReply();
  auto lost = Begin(Increment{"lost", 1});
  time_.RunFor(milliseconds(5));
  const uint64_t lost_sequence = cluster_.received().back().sequence;
  for (int i = 0; i < 5; ++i) (void)Count();
  EXPECT_EQ(cluster_.received().back().acknowledged_below, lost_sequence);
  ASSERT_TRUE(time_.RunUntil([&] { return lost->done(); }));
  (void)Count();
  EXPECT_EQ(cluster_.received().back().acknowledged_below, cluster_.received().back().sequence);
}

TEST_F(SessionTest, NoMoreWritesAreUnderWayThanTheWindowHolds) {
  core_->Close();
  core_.reset();
  options_.sessions.window = 16;
  cluster_.session_limit = 16;
  std::vector<std::shared_ptr<Ended>> all;
  for (int i = 0; i < 500; ++i) all.push_back(Begin(Increment{"n", 1}));
  time_.RunFor(seconds(4));
  for (const auto& ended : all) EXPECT_TRUE(ended->ok());
  EXPECT_EQ(cluster_.ValueOf("n"), "500");
}

TEST_F(SessionTest, ReadsNeedNoSession) {
  core_->Close();
  core_.reset();
  const size_t opened = cluster_.sessions_opened();
  ASSERT_TRUE(Run(Get{"n"})->ok());
  EXPECT_EQ(cluster_.sessions_opened(), opened);
  EXPECT_EQ(cluster_.received().back().token, "");
}

TEST_F(SessionTest, ASessionThatMayNotBeOpenedFailsTheWritesThatWaitForIt) {
  core_->Close();
  core_.reset();
  cluster_.RefuseNextOpenSession({StatusCode::kPermissionDenied, Reason::kPermissionDenied,
                                  Outcome::kNotApplied, "not you", Duration(0), std::nullopt});
  auto first = Begin(Increment{"n", 1});
  auto second = Begin(Increment{"n", 1});
  time_.RunFor(seconds(1));
  EXPECT_EQ(first->status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(second->status().outcome(), Outcome::kNotApplied);
}

// Found by simulation: it was asked again in the same instant, for as long as the disk was full.
TEST_F(SessionTest, ADiskThatIsFullFailsTheWritesThatWaitForASession) {
  core_->Close();
  core_.reset();
  cluster_.RefuseNextOpenSession({StatusCode::kResourceExhausted, Reason::kDiskFull,
                                  Outcome::kNotApplied, "full", milliseconds(500), std::nullopt});
  auto write = Begin(Increment{"n", 1});
  time_.RunFor(milliseconds(100));
  EXPECT_EQ(write->status().reason(), "DISK_FULL");
  EXPECT_EQ(write->status().outcome(), Outcome::kNotApplied);
  EXPECT_EQ(Count(), 1) << "later ones have a session opened";
}

TEST_F(SessionTest, ASessionIsOpenedWithRetries) {
  core_->Close();
  core_.reset();
  for (int i = 0; i < 3; ++i) {
    cluster_.RefuseNextOpenSession({StatusCode::kUnavailable, Reason::kNoLeader,
                                    Outcome::kNotApplied, "election", Duration(0), std::nullopt});
  }
  EXPECT_EQ(Count(), 1);
}

TEST_F(SessionTest, SequencesAreOneSpaceOverAllShards) {
  core_->Close();
  core_.reset();
  const sharding::Slot half{sharding::kSlotCount / 2};
  const sharding::Slot before{static_cast<uint16_t>(half.value - 1)};
  cluster_.shards = {
      {{ShardId(1), {sharding::Slot{0}, before}, 1}, ""},
      {{ShardId(2), {half, sharding::Slot{sharding::kSlotCount - 1}}, 1}, ""},
  };
  std::set<uint64_t> sequences;
  std::map<ShardId, std::set<std::string>> tokens;
  const size_t first = cluster_.received().size();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Run(Put{"key" + std::to_string(i), "v"})->ok());
  for (size_t i = first; i < cluster_.received().size(); ++i) {
    const Received& received = cluster_.received()[i];
    if (!IsWrite(received.operation)) continue;
    EXPECT_TRUE(sequences.insert(received.sequence).second);
    tokens[received.shard].insert(received.token);
  }
  ASSERT_EQ(tokens.size(), 2) << "both shards were written";
  for (const auto& [shard, used] : tokens) EXPECT_EQ(used.size(), 1) << "each has its session";
}

}  // namespace
}  // namespace flotilla::client

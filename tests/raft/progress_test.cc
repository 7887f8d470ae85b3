#include "raft/progress.h"

#include "raft/inflights.h"
#include "tests/raft/core_driver.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

LogIndex At(uint64_t index) { return LogIndex(index); }

Progress NewProgress(uint64_t next, size_t window = 3, size_t bytes = 1000) {
  return Progress(MemberNumber(2), At(next), Inflights(window, bytes));
}

// A peer that replicates with everything up to `match` acknowledged.
Progress Replicating(uint64_t match, size_t window = 3, size_t bytes = 1000) {
  Progress progress = NewProgress(match + 1, window, bytes);
  progress.OnAccepted(At(match));
  progress.BecomeReplicate();
  return progress;
}

TEST(RaftInflights, AddCountsMessagesAndBytes) {
  Inflights inflights(3, 100);
  EXPECT_TRUE(inflights.empty());
  inflights.Add(At(1), 10);
  inflights.Add(At(5), 20);
  EXPECT_EQ(inflights.messages(), 2u);
  EXPECT_EQ(inflights.bytes(), 30u);
  EXPECT_FALSE(inflights.full());
}

TEST(RaftInflights, FullByMessages) {
  Inflights inflights(2, 1000);
  inflights.Add(At(1), 1);
  inflights.Add(At(2), 1);
  EXPECT_TRUE(inflights.full());
}

TEST(RaftInflights, FullByBytesButOneMessageOfAnySizePasses) {
  Inflights inflights(10, 100);
  inflights.Add(At(1), 5000);
  EXPECT_TRUE(inflights.full());
}

TEST(RaftInflights, FreeToReleasesWhatIsAcknowledged) {
  Inflights inflights(3, 100);
  inflights.Add(At(2), 10);
  inflights.Add(At(4), 10);
  inflights.Add(At(6), 10);
  inflights.FreeTo(At(1));
  EXPECT_EQ(inflights.messages(), 3u);
  inflights.FreeTo(At(5));
  EXPECT_EQ(inflights.messages(), 1u);
  EXPECT_EQ(inflights.bytes(), 10u);
  inflights.FreeTo(At(100));
  EXPECT_TRUE(inflights.empty());
}

TEST(RaftInflights, ClearForgetsAll) {
  Inflights inflights(1, 100);
  inflights.Add(At(2), 10);
  inflights.Clear();
  EXPECT_TRUE(inflights.empty());
  EXPECT_EQ(inflights.bytes(), 0u);
}

TEST(RaftProgress, BeginsByProbing) {
  const Progress progress = NewProgress(5);
  EXPECT_EQ(progress.state(), Progress::State::kProbe);
  EXPECT_EQ(progress.next(), At(5));
  EXPECT_FALSE(progress.IsPaused());
}

TEST(RaftProgress, IsPausedByAProbeUnderWay) {
  Progress progress = NewProgress(5);
  progress.OnSent(At(7), 100);
  EXPECT_TRUE(progress.IsPaused());
  EXPECT_EQ(progress.next(), At(5));  // a probe proves nothing until it is answered
}

TEST(RaftProgress, IsPausedByAFullWindow) {
  Progress progress = Replicating(4, 2);
  progress.OnSent(At(5), 10);
  EXPECT_FALSE(progress.IsPaused());
  EXPECT_EQ(progress.next(), At(6));
  progress.OnSent(At(6), 10);
  EXPECT_TRUE(progress.IsPaused());
  EXPECT_TRUE(progress.OnAccepted(At(5)));
  EXPECT_FALSE(progress.IsPaused());
}

TEST(RaftProgress, IsPausedDuringASnapshot) {
  Progress progress = NewProgress(5);
  progress.BecomeSnapshot(At(10));
  EXPECT_TRUE(progress.IsPaused());
  EXPECT_EQ(progress.pending_snapshot(), At(10));
}

TEST(RaftProgress, BecomeProbeGoesBackToMatch) {
  Progress progress = Replicating(4);
  progress.OnSent(At(9), 10);
  progress.BecomeProbe();
  EXPECT_EQ(progress.next(), At(5));
  EXPECT_TRUE(progress.inflights().empty());
}

TEST(RaftProgress, UpdateRaisesMatchAndNext) {
  Progress progress = NewProgress(5);
  EXPECT_TRUE(progress.OnAccepted(At(6)));
  EXPECT_EQ(progress.match(), At(6));
  EXPECT_EQ(progress.next(), At(7));
  progress.BecomeReplicate();
  EXPECT_FALSE(progress.OnAccepted(At(6)));  // no news
  EXPECT_FALSE(progress.OnAccepted(At(3)));  // old news
  EXPECT_EQ(progress.match(), At(6));
}

TEST(RaftProgress, TheAnswerToAProbeAtMatchIsNews) {
  Progress progress = Replicating(4);
  progress.BecomeProbe();
  EXPECT_TRUE(progress.OnAccepted(At(4)));
}

TEST(RaftProgress, MaybeDecrementInReplicateGoesBackToMatch) {
  Progress progress = Replicating(5);
  progress.OnSent(At(9), 10);
  EXPECT_FALSE(progress.OnRejected(At(5), At(3)));  // acknowledged since: an old rejection
  EXPECT_TRUE(progress.OnRejected(At(9), At(7)));
  EXPECT_EQ(progress.state(), Progress::State::kProbe);
  EXPECT_EQ(progress.next(), At(6));
}

TEST(RaftProgress, MaybeDecrementInProbeFollowsTheHint) {
  Progress progress = NewProgress(10);
  progress.OnSent(At(9), 0);
  EXPECT_FALSE(progress.OnRejected(At(8), At(2)));  // answers another probe
  EXPECT_TRUE(progress.IsPaused());
  EXPECT_TRUE(progress.OnRejected(At(9), At(2)));
  EXPECT_EQ(progress.next(), At(3));
  EXPECT_FALSE(progress.IsPaused());
  // It always makes progress, even when the hint does not.
  EXPECT_TRUE(progress.OnRejected(At(2), At(9)));
  EXPECT_EQ(progress.next(), At(2));
}

TEST(RaftProgress, RejectionsNeverLeadBelowMatch) {
  Progress progress = NewProgress(10);
  progress.OnAccepted(At(4));
  progress.BecomeProbe();
  EXPECT_FALSE(progress.OnRejected(At(4), At(1)));
  EXPECT_EQ(progress.next(), At(5));
}

TEST(RaftProgress, ResumeAtTheHeartbeatAfterWordFromThePeer) {
  Progress progress = NewProgress(5);
  progress.OnHeartbeatDue();
  progress.OnSent(At(4), 0);
  progress.OnHeartbeatDue();  // not heard of since
  EXPECT_TRUE(progress.IsPaused());
  progress.OnHeard(0);
  progress.OnHeartbeatDue();
  EXPECT_FALSE(progress.IsPaused());
}

TEST(RaftProgress, AStalledPipelineIsTestedAtAHeartbeat) {
  Progress progress = Replicating(4);
  progress.OnSent(At(6), 10);
  progress.OnHeard(0);
  progress.OnHeartbeatDue();
  // No acknowledgement since the heartbeat before: maybe lost.
  EXPECT_TRUE(progress.wants_empty_append());
  progress.OnSent(At(6), 0);  // one without entries
  EXPECT_FALSE(progress.wants_empty_append());
  EXPECT_EQ(progress.inflights().messages(), 1u);
  progress.OnHeard(0);
  EXPECT_TRUE(progress.OnAccepted(At(5)));
  progress.OnHeartbeatDue();
  EXPECT_FALSE(progress.wants_empty_append());  // it moves
}

TEST(RaftProgress, AnIdlePipelineIsNotTested) {
  Progress progress = Replicating(4);
  progress.OnHeard(0);
  progress.OnHeartbeatDue();
  EXPECT_FALSE(progress.wants_empty_append());
}

TEST(RaftProgress, SnapshotFailureWaitsForAHeartbeat) {
  Progress progress = NewProgress(5);
  progress.BecomeSnapshot(At(10));
  progress.SnapshotEnded(false, At(0));
  EXPECT_EQ(progress.state(), Progress::State::kProbe);
  EXPECT_EQ(progress.next(), At(1));
  EXPECT_TRUE(progress.IsPaused());
}

TEST(RaftProgress, SnapshotSuccessProbesAfterIt) {
  Progress progress = NewProgress(5);
  progress.BecomeSnapshot(At(10));
  progress.SnapshotEnded(true, At(12));
  EXPECT_EQ(progress.next(), At(13));
  EXPECT_EQ(progress.match(), At(0));  // until the peer says so itself
  EXPECT_FALSE(progress.IsPaused());
}

TEST(RaftProgress, RemembersTheNewestCounter) {
  Progress progress = NewProgress(5);
  progress.OnHeard(7);
  progress.OnHeard(3);
  EXPECT_EQ(progress.acknowledged(), 7u);
}

TEST(RaftProgress, ActivityIsForgottenAndHeardAgain) {
  Progress progress = NewProgress(5);
  EXPECT_TRUE(progress.recently_active());  // a new leader gives all the benefit of the doubt
  progress.ForgetActivity();
  EXPECT_FALSE(progress.recently_active());
  progress.OnHeard(0);
  EXPECT_TRUE(progress.recently_active());
}

TEST(RaftProgressDeathTest, NothingIsSentDuringASnapshot) {
  Progress progress = NewProgress(5);
  progress.BecomeSnapshot(At(10));
  EXPECT_DEATH(progress.OnSent(At(5), 10), "during a snapshot");
}

TEST(RaftInflightsDeathTest, AFullWindowTakesNoMore) {
  Inflights inflights(1, 100);
  inflights.Add(At(1), 1);
  EXPECT_DEATH(inflights.Add(At(2), 1), "full");
}

}  // namespace
}  // namespace flotilla::raft

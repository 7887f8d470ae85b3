#include "raft/read_queue.h"

#include <cstdint>
#include <vector>

#include "raft/forwarded_reads.h"
#include "tests/raft/core_driver.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

LogIndex At(uint64_t index) { return LogIndex(index); }

std::vector<ReadId> Ids(const std::vector<ConfirmedRead>& reads) {
  std::vector<ReadId> ids;
  for (const ConfirmedRead& read : reads) ids.push_back(std::get<ReadId>(read.reader));
  return ids;
}

using ReadIds = std::vector<ReadId>;

TEST(RaftReadQueue, ReadsBetweenTwoRoundsShareTheNext) {
  ReadQueue queue;
  EXPECT_FALSE(queue.WantsRound());
  queue.Register(ReadId{1}, At(5));
  queue.Register(ReadId{2}, At(6));
  EXPECT_TRUE(queue.WantsRound());
  queue.BeginRound();
  EXPECT_FALSE(queue.WantsRound());
  EXPECT_EQ(queue.counter(), 1u);
  const std::vector<ConfirmedRead> confirmed = queue.Confirm(1);
  EXPECT_EQ(Ids(confirmed), (ReadIds{1, 2}));
  EXPECT_EQ(confirmed[0].index, At(5));
  EXPECT_EQ(confirmed[1].index, At(6));
}

TEST(RaftReadQueue, ARoundThatBeganBeforeDoesNotConfirm) {
  ReadQueue queue;
  queue.Register(ReadId{1}, At(5));
  queue.BeginRound();
  queue.Register(ReadId{2}, At(5));
  EXPECT_EQ(Ids(queue.Confirm(1)), (ReadIds{1}));
  EXPECT_TRUE(queue.WantsRound());
  queue.BeginRound();
  EXPECT_EQ(Ids(queue.Confirm(1)), (ReadIds{}));
  EXPECT_EQ(Ids(queue.Confirm(2)), (ReadIds{2}));
}

TEST(RaftReadQueue, ALaterRoundConfirmsEarlierReads) {
  ReadQueue queue;
  queue.Register(ReadId{1}, At(5));
  queue.BeginRound();
  queue.Register(ReadId{2}, At(7));
  queue.BeginRound();
  EXPECT_EQ(Ids(queue.Confirm(2)), (ReadIds{1, 2}));
  EXPECT_EQ(queue.size(), 0u);
}

TEST(RaftReadQueue, ParkedReadsGetTheIndexOfTheirRelease) {
  ReadQueue queue;
  queue.Park(ReadId{1});
  EXPECT_FALSE(queue.WantsRound());
  queue.Unpark(At(9));
  ASSERT_TRUE(queue.WantsRound());
  queue.BeginRound();
  const std::vector<ConfirmedRead> confirmed = queue.Confirm(1);
  ASSERT_EQ(confirmed.size(), 1u);
  EXPECT_EQ(confirmed[0].index, At(9));
}

TEST(RaftReadQueue, FindsAForwardedReadThatWaits) {
  ReadQueue queue;
  const ForwardedRead read{MemberNumber(2), 77};
  EXPECT_FALSE(queue.Contains(read));
  queue.Park(read);
  EXPECT_TRUE(queue.Contains(read));
  queue.Unpark(At(1));
  EXPECT_TRUE(queue.Contains(read));
  EXPECT_FALSE(queue.Contains({MemberNumber(3), 77}));
  queue.BeginRound();
  queue.Confirm(1);
  EXPECT_FALSE(queue.Contains(read));
}

TEST(RaftReadQueue, TakeAllEmptiesIt) {
  ReadQueue queue;
  queue.Park(ReadId{1});
  queue.Register(ReadId{2}, At(1));
  EXPECT_EQ(queue.TakeAll().size(), 2u);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_FALSE(queue.WantsRound());
}

TEST(RaftReadQueueDeathTest, ARoundThatHasNotBegunConfirmsNothing) {
  ReadQueue queue;
  queue.Register(ReadId{1}, At(5));
  EXPECT_DEATH(queue.Confirm(1), "CHECK failed");
}

TEST(RaftForwardedReads, ReadsShareAQuestion) {
  ForwardedReads reads;
  EXPECT_FALSE(reads.HasUnasked());
  reads.Add(1);
  reads.Add(2);
  reads.Ask(100);
  reads.Add(3);
  EXPECT_EQ(reads.size(), 3u);
  EXPECT_EQ(reads.Answer(100), (ReadIds{1, 2}));
  EXPECT_TRUE(reads.HasUnasked());
}

TEST(RaftForwardedReads, ASecondAnswerIsIgnored) {
  ForwardedReads reads;
  reads.Add(1);
  reads.Ask(100);
  reads.Answer(100);
  EXPECT_EQ(reads.Answer(100), (ReadIds{}));
  EXPECT_EQ(reads.Answer(7), (ReadIds{}));
}

TEST(RaftForwardedReads, QuestionsAreRepeatedUntilTheyExpire) {
  ForwardedReads reads;
  reads.Add(1);
  reads.Ask(100);
  reads.Tick();
  EXPECT_TRUE(reads.DueAgain(2).empty());
  reads.Tick();
  EXPECT_EQ(reads.DueAgain(2), (std::vector<uint64_t>{100}));
  EXPECT_TRUE(reads.TakeExpired(3).empty());
  reads.Tick();
  EXPECT_EQ(reads.TakeExpired(3), (ReadIds{1}));
  EXPECT_EQ(reads.size(), 0u);
}

TEST(RaftForwardedReads, TakeAllIncludesWhatWasNotAsked) {
  ForwardedReads reads;
  reads.Add(1);
  reads.Ask(100);
  reads.Add(2);
  EXPECT_EQ(reads.TakeAll(), (ReadIds{1, 2}));
  EXPECT_FALSE(reads.HasUnasked());
}

}  // namespace
}  // namespace flotilla::raft

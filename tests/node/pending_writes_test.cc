#include "node/pending_writes.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime At(int ms) { return MonoTime(std::chrono::milliseconds(ms)); }

// Collects the answers of writes that are named by a letter.
class PendingWritesTest : public testing::Test {
 protected:
  void Add(char name, size_t bytes = 1, int deadline_ms = 1000) {
    WriteRequest request;
    request.context.deadline = At(deadline_ms);
    request.command = MakeBytes(std::string(bytes, name));
    writes_.Add({std::move(request), [this, name](WriteReply reply) {
                   answers_.emplace_back(name, std::move(reply));
                 }});
  }

  void ProposeAll(uint64_t index, uint64_t term) {
    writes_.Proposed({LogIndex(index), Term(term)}, writes_.TakeBatch(1 << 20));
  }

  static kv::EntryResult ResultOf(uint64_t index, uint64_t term, size_t commands) {
    kv::EntryResult result{.index = LogIndex(index), .term = Term(term), .results = {}};
    for (size_t i = 0; i < commands; ++i) {
      result.results.push_back({.version = index * 10 + i});
    }
    return result;
  }

  PendingWrites writes_;
  std::vector<std::pair<char, WriteReply>> answers_;
};

TEST_F(PendingWritesTest, ABatchHoldsWhatFitsAndAtLeastOne) {
  Add('a', 10);
  Add('b', 10);
  Add('c', 10);
  EXPECT_EQ(writes_.TakeBatch(25).size(), 2u);
  EXPECT_EQ(writes_.waiting_bytes(), 10u);
  EXPECT_EQ(writes_.TakeBatch(1).size(), 1u);
  EXPECT_EQ(writes_.waiting_bytes(), 0u);
}

TEST_F(PendingWritesTest, AReturnedBatchKeepsItsPlace) {
  Add('a');
  Add('b');
  std::vector<PendingWrite> batch = writes_.TakeBatch(2);
  Add('c');
  writes_.ReturnBatch(std::move(batch));
  const std::vector<PendingWrite> all = writes_.TakeWaiting();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(View(all[0].request.command), "a");
  EXPECT_EQ(View(all[2].request.command), "c");
}

TEST_F(PendingWritesTest, EachCommandOfAnEntryGetsItsOwnResult) {
  Add('a');
  Add('b');
  ProposeAll(7, 3);
  EXPECT_EQ(writes_.in_flight(), 2u);
  writes_.Applied(ResultOf(7, 3, 2));
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[0].second.result.version, 70u);
  EXPECT_EQ(answers_[1].second.result.version, 71u);
  EXPECT_EQ(writes_.size(), 0u);
}

TEST_F(PendingWritesTest, AnEntryThatWasOverwrittenDidNotHappen) {
  Add('a');
  ProposeAll(7, 3);
  writes_.Applied(ResultOf(7, 4, 0));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].second.error.reason, Reason::kLeadershipLost);
  EXPECT_EQ(answers_[0].second.error.outcome, Outcome::kNotApplied);
}

TEST_F(PendingWritesTest, AnEntryBeforeOursAnswersNobody) {
  Add('a');
  ProposeAll(7, 3);
  writes_.Applied(ResultOf(6, 3, 5));
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(writes_.in_flight(), 1u);
}

TEST_F(PendingWritesTest, WhatASnapshotCoversIsUnknown) {
  Add('a');
  ProposeAll(7, 3);
  writes_.AppliedWithoutResults(LogIndex(9));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].second.error.outcome, Outcome::kUnknown);
}

TEST_F(PendingWritesTest, AWaitingWriteThatExpiresDidNotHappen) {
  Add('a', 1, 50);
  writes_.Expire(At(49));
  EXPECT_TRUE(answers_.empty());
  writes_.Expire(At(50));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].second.error.reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(answers_[0].second.error.outcome, Outcome::kNotApplied);
  EXPECT_EQ(writes_.waiting_bytes(), 0u);
}

TEST_F(PendingWritesTest, AProposedWriteThatExpiresIsUnknownAndAnsweredOnce) {
  Add('a', 1, 50);
  Add('b', 1, 5000);
  ProposeAll(7, 3);
  writes_.Expire(At(60));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].second.error.outcome, Outcome::kUnknown);
  writes_.Applied(ResultOf(7, 3, 2));
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_EQ(answers_[1].first, 'b');
}

TEST_F(PendingWritesTest, TheEarliestDeadlineIsNeverLate) {
  EXPECT_EQ(writes_.EarliestDeadline(), std::nullopt);
  Add('a', 1, 200);
  Add('b', 1, 100);
  Add('c', 1, 300);
  EXPECT_EQ(writes_.EarliestDeadline(), At(100));
  writes_.Expire(At(100));
  EXPECT_EQ(writes_.EarliestDeadline(), At(200));
}

TEST_F(PendingWritesTest, LosingLeadershipLeavesWaitingWritesWaiting) {
  Add('a');
  ProposeAll(7, 3);
  Add('b');
  Error error;
  error.code = absl::StatusCode::kAborted;
  error.outcome = Outcome::kUnknown;
  writes_.FailProposed(error);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].first, 'a');
  EXPECT_TRUE(writes_.has_waiting());
  EXPECT_EQ(writes_.in_flight(), 0u);
}

TEST_F(PendingWritesTest, ARefusalForRoutingReasonsBecomesAnError) {
  Add('a');
  ProposeAll(7, 3);
  kv::EntryResult result{.index = LogIndex(7), .term = Term(3), .results = {}};
  result.results.push_back({.code = kv::ResultCode::kWrongShard});
  writes_.Applied(std::move(result));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].second.error.reason, Reason::kWrongShard);
}

}  // namespace
}  // namespace flotilla::node

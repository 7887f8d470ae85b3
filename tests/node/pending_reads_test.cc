#include "node/pending_reads.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime At(int ms) { return MonoTime(std::chrono::milliseconds(ms)); }

class PendingReadsTest : public testing::Test {
 protected:
  void Add(std::string key, int deadline_ms = 1000) {
    ReadRequest request;
    request.context.deadline = At(deadline_ms);
    request.read.operation = kv::Get{.key = key};
    reads_.Add({std::move(request),
                [this, key](ReadReply reply) { answers_.emplace_back(key, std::move(reply)); }});
  }
  // The keys of the reads that can be executed now.
  std::vector<std::string> Ready(LogIndex applied) {
    std::vector<std::string> keys;
    const std::optional<ReadBatch> batch = reads_.TakeReady(applied);
    if (!batch.has_value()) return keys;
    for (const kv::ReadRequest& read : batch->reads) {
      keys.push_back(std::get<kv::Get>(read.operation).key);
    }
    return keys;
  }
  using Keys = std::vector<std::string>;

  PendingReads reads_;
  std::vector<std::pair<std::string, ReadReply>> answers_;
};

TEST_F(PendingReadsTest, AllThatWaitShareOneRound) {
  Add("a");
  Add("b");
  reads_.Registered(1, At(0));
  EXPECT_FALSE(reads_.has_waiting());
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  EXPECT_EQ(Ready(LogIndex(5)), (Keys{"a", "b"}));
}

TEST_F(PendingReadsTest, AReadWaitsUntilItsIndexIsApplied) {
  Add("a");
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  EXPECT_EQ(Ready(LogIndex(4)), Keys());
  EXPECT_EQ(Ready(LogIndex(6)), Keys{"a"});
}

TEST_F(PendingReadsTest, AReadThatCameAfterTheRoundIsNotConfirmedByIt) {
  Add("a");
  reads_.Registered(1, At(0));
  Add("b");
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  EXPECT_EQ(Ready(LogIndex(5)), Keys{"a"});
  EXPECT_TRUE(reads_.has_waiting());
}

TEST_F(PendingReadsTest, AFailedRoundIsAskedAgain) {
  Add("a");
  reads_.Registered(1, At(0));
  EXPECT_EQ(reads_.Confirmed({.id = 1, .index = LogIndex()}), std::nullopt);
  EXPECT_TRUE(reads_.has_waiting());
  EXPECT_TRUE(answers_.empty());
  EXPECT_EQ(Ready(LogIndex(100)), Keys());
}

TEST_F(PendingReadsTest, ReadsExpireWhereverTheyAre) {
  Add("confirmed", 10);
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  Add("registered", 20);
  reads_.Registered(2, At(0));
  Add("waiting", 30);
  Add("patient", 1000);
  reads_.Expire(At(30));
  ASSERT_EQ(answers_.size(), 3u);
  for (const auto& [key, reply] : answers_) {
    EXPECT_EQ(reply.error.reason, Reason::kDeadlineExceeded) << key;
  }
  EXPECT_EQ(reads_.size(), 1u);
  EXPECT_EQ(reads_.EarliestDeadline(), At(1000));
  // The round of an expired read may still be confirmed.
  reads_.Confirmed({.id = 2, .index = LogIndex(5)});
  EXPECT_EQ(Ready(LogIndex(9)), Keys());
}

TEST_F(PendingReadsTest, AReadThatNeedsNoIndexIsReadyAtOnce) {
  reads_.AddReady({.request = {}, .done = [](const ReadReply&) {}});
  EXPECT_FALSE(reads_.has_waiting());
  const std::optional<ReadBatch> batch = reads_.TakeReady(LogIndex());
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->reads.size(), 1u);
}

TEST_F(PendingReadsTest, AnExecutingReadCountsAndExpires) {
  Add("impatient", 10);
  Add("patient", 1000);
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  const std::optional<ReadBatch> batch = reads_.TakeReady(LogIndex(5));
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(reads_.executing(), 1u);
  EXPECT_EQ(reads_.size(), 2u);
  reads_.Expire(At(10));
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].first, "impatient");
  EXPECT_EQ(reads_.size(), 1u);
  EXPECT_EQ(reads_.EarliestDeadline(), At(1000));
  // The results still find their reads by place.
  const std::vector<PendingRead> executed = reads_.Executed(batch->id, 2);
  ASSERT_EQ(executed.size(), 2u);
  EXPECT_TRUE(executed[0].done == nullptr);
  EXPECT_FALSE(executed[1].done == nullptr);
  EXPECT_EQ(reads_.size(), 0u);
  EXPECT_EQ(reads_.executing(), 0u);
}

TEST_F(PendingReadsTest, ABatchMayBeExecutedInParts) {
  Add("first");
  Add("second", 10);
  Add("third");
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  const std::optional<ReadBatch> batch = reads_.TakeReady(LogIndex(5));
  ASSERT_TRUE(batch.has_value());
  ASSERT_EQ(reads_.Executed(batch->id, 1).size(), 1u);
  EXPECT_EQ(reads_.executing(), 1u);
  EXPECT_EQ(reads_.size(), 2u);
  reads_.Expire(At(10));
  EXPECT_EQ(reads_.size(), 1u);
  const std::vector<PendingRead> rest = reads_.Executed(batch->id, 2);
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_TRUE(rest[0].answered());
  EXPECT_FALSE(rest[1].answered());
  EXPECT_EQ(reads_.executing(), 0u);
  EXPECT_EQ(reads_.size(), 0u);
}

TEST_F(PendingReadsTest, WhateverExecutesFailsOnceWithAllOthers) {
  Add("expired", 10);
  Add("executing");
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  const std::optional<ReadBatch> batch = reads_.TakeReady(LogIndex(5));
  ASSERT_TRUE(batch.has_value());
  reads_.Expire(At(10));
  Add("waiting");
  reads_.FailAll({.code = absl::StatusCode::kUnavailable, .reason = Reason::kShuttingDown});
  EXPECT_EQ(answers_.size(), 3u);
  EXPECT_EQ(reads_.size(), 0u);
  EXPECT_TRUE(reads_.Executed(batch->id, 2).empty());
}

}  // namespace
}  // namespace flotilla::node

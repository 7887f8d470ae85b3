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
  static std::string KeyOf(const PendingRead& read) {
    return std::get<kv::Get>(read.request.read.operation).key;
  }

  PendingReads reads_;
  std::vector<std::pair<std::string, ReadReply>> answers_;
};

TEST_F(PendingReadsTest, AllThatWaitShareOneRound) {
  Add("a");
  Add("b");
  reads_.Registered(1, At(0));
  EXPECT_FALSE(reads_.has_waiting());
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  EXPECT_EQ(reads_.TakeReady(LogIndex(5)).size(), 2u);
  EXPECT_EQ(reads_.size(), 0u);
}

TEST_F(PendingReadsTest, AReadWaitsUntilItsIndexIsApplied) {
  Add("a");
  reads_.Registered(1, At(0));
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  EXPECT_TRUE(reads_.TakeReady(LogIndex(4)).empty());
  EXPECT_EQ(reads_.TakeReady(LogIndex(6)).size(), 1u);
}

TEST_F(PendingReadsTest, AReadThatCameAfterTheRoundIsNotConfirmedByIt) {
  Add("a");
  reads_.Registered(1, At(0));
  Add("b");
  reads_.Confirmed({.id = 1, .index = LogIndex(5)});
  const std::vector<PendingRead> ready = reads_.TakeReady(LogIndex(5));
  ASSERT_EQ(ready.size(), 1u);
  EXPECT_EQ(KeyOf(ready[0]), "a");
  EXPECT_TRUE(reads_.has_waiting());
}

TEST_F(PendingReadsTest, AFailedRoundIsAskedAgain) {
  Add("a");
  reads_.Registered(1, At(0));
  EXPECT_EQ(reads_.Confirmed({.id = 1, .index = LogIndex()}), std::nullopt);
  EXPECT_TRUE(reads_.has_waiting());
  EXPECT_TRUE(answers_.empty());
  EXPECT_TRUE(reads_.TakeReady(LogIndex(100)).empty());
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
  EXPECT_TRUE(reads_.TakeReady(LogIndex(9)).empty());
}

}  // namespace
}  // namespace flotilla::node

#include "bench/write_record.h"

#include <string>

#include "flotilla/testing/fake_kv_client.h"
#include <gtest/gtest.h>

namespace flotilla::bench {
namespace {

class WriteRecordTest : public ::testing::Test {
 protected:
  // Returns how many were acknowledged.
  int Write(int count) {
    int acknowledged = 0;
    for (int i = 0; i < count; ++i) acknowledged += record_.WriteNext(store_).get() ? 1 : 0;
    return acknowledged;
  }
  WriteVerdict Verdict() {
    CallWindow window(10);
    WriteVerdict verdict;
    record_.Verify(store_, window, verdict);
    EXPECT_TRUE(window.failure().ok()) << window.failure();
    return verdict;
  }
  void FailNextWrite(Outcome outcome) {
    store_.FailNext(Status(Status::Fields{
        .code = StatusCode::kUnavailable, .message = "planted", .outcome = outcome}));
  }

  testing::FakeKvClient store_;
  WriteRecord record_{{"a/", "b/"}};
};

TEST_F(WriteRecordTest, EveryFourthWriteIsAnIncrement) {
  for (const char* key : {"a/0", "b/1", "a/2", "a/count", "b/3"}) {
    EXPECT_EQ(record_.NextKey(), key);
    ASSERT_EQ(Write(1), 1);
    EXPECT_TRUE(store_.Get(key).ok()) << key;
  }
}

TEST_F(WriteRecordTest, WhatIsThereIsNotLost) {
  EXPECT_EQ(Write(10), 10);
  const WriteVerdict verdict = Verdict();
  EXPECT_EQ(verdict.acked, 10U);
  EXPECT_EQ(verdict.unknown + verdict.lost + verdict.repeated, 0U);
}

TEST_F(WriteRecordTest, AMissingOrOtherValueIsLost) {
  Write(10);
  ASSERT_TRUE(store_.Delete("a/0").ok());
  ASSERT_TRUE(store_.Put("b/1", "something else").ok());
  EXPECT_EQ(Verdict().lost, 2U);
}

TEST_F(WriteRecordTest, ACounterThatIsBehindHasLostIncrements) {
  Write(12);
  ASSERT_TRUE(store_.Put("a/count", "1").ok());
  EXPECT_EQ(Verdict().lost, 2U);
}

TEST_F(WriteRecordTest, ACounterThatIsAheadHasRepeatedIncrements) {
  Write(12);
  ASSERT_TRUE(store_.Increment("a/count", 2).ok());
  EXPECT_EQ(Verdict().repeated, 2U);
}

TEST_F(WriteRecordTest, WhatIsUnknownMayBeThereOrNot) {
  FailNextWrite(Outcome::kUnknown);
  EXPECT_EQ(Write(3), 2);
  ASSERT_TRUE(store_.Delete("a/0").ok());
  FailNextWrite(Outcome::kUnknown);
  EXPECT_EQ(Write(1), 0);
  const WriteVerdict verdict = Verdict();
  EXPECT_EQ(verdict.acked, 2U);
  EXPECT_EQ(verdict.unknown, 2U);
  EXPECT_EQ(verdict.lost + verdict.repeated, 0U);
}

TEST_F(WriteRecordTest, WhatWasRefusedDidNotHappen) {
  Write(3);
  FailNextWrite(Outcome::kNotApplied);
  EXPECT_EQ(Write(1), 0);
  ASSERT_TRUE(store_.Increment("a/count").ok());
  const WriteVerdict verdict = Verdict();
  EXPECT_EQ(verdict.acked, 3U);
  EXPECT_EQ(verdict.repeated, 1U);
}

TEST_F(WriteRecordTest, WhatCannotBeReadIsNoVerdict) {
  Write(1);
  FailNextWrite(Outcome::kNotApplied);
  CallWindow window(10);
  WriteVerdict verdict;
  record_.Verify(store_, window, verdict);
  EXPECT_FALSE(window.failure().ok());
}

}  // namespace
}  // namespace flotilla::bench

#include "node/forwarder.h"

#include <optional>

#include "tests/node/fake_transport.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

class ForwarderTest : public testing::Test {
 protected:
  void Write(uint64_t to, Duration timeout = std::chrono::seconds(1)) {
    WriteRequest request;
    request.context.deadline = clock_.Now() + timeout;
    request.command = MakeBytes("c");
    forwarder_.Write(NodeId(to), std::move(request),
                     [this](WriteReply reply) { replies_.push_back(std::move(reply)); });
  }

  FakeClock clock_;
  FakeTransport transport_;
  Outbox outbox_{transport_, clock_};
  Forwarder forwarder_{outbox_, 100};
  std::vector<WriteReply> replies_;
};

TEST_F(ForwarderTest, AnAnswerReachesItsCallerOnce) {
  Write(2);
  forwarder_.OnAnswer(WriteAnswer{.id = 100, .reply = {.error = {}, .result = {.version = 5}}});
  forwarder_.OnAnswer(WriteAnswer{.id = 100, .reply = {.error = {}, .result = {.version = 6}}});
  ASSERT_EQ(replies_.size(), 1u);
  EXPECT_EQ(replies_[0].result.version, 5u);
  EXPECT_EQ(forwarder_.size(), 0u);
}

TEST_F(ForwarderTest, AWriteWhosePeerIsLostIsUnknown) {
  Write(2);
  Write(3);
  forwarder_.OnPeerLost(NodeId(2));
  ASSERT_EQ(replies_.size(), 1u);
  EXPECT_EQ(replies_[0].error.outcome, Outcome::kUnknown);
  EXPECT_EQ(forwarder_.size(), 1u);
}

TEST_F(ForwarderTest, AWriteThatIsNotAnsweredInTimeIsUnknown) {
  Write(2);
  clock_.Advance(std::chrono::seconds(2));
  forwarder_.Expire(clock_.Now());
  ASSERT_EQ(replies_.size(), 1u);
  EXPECT_EQ(replies_[0].error.reason, Reason::kDeadlineExceeded);
  EXPECT_EQ(replies_[0].error.outcome, Outcome::kUnknown);
}

TEST_F(ForwarderTest, RequestsOfOneTurnLeaveInOneMessage) {
  Write(2);
  Write(2);
  Write(3);
  outbox_.Flush();
  EXPECT_EQ(transport_.sent.size(), 2u);
}

}  // namespace
}  // namespace flotilla::node

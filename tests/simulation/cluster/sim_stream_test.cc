#include "tests/simulation/cluster/sim_stream.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/sim_machine.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StreamFrame, ComesBackAsItWas) {
  const std::string bytes = EncodeFrame({.kind = StreamFrame::Kind::kData,
                                         .caller = 1'000'000'007,
                                         .callee = 5,
                                         .sequence = 300,
                                         .acknowledged = 299,
                                         .payload = "hello"});
  const std::optional<StreamFrame> frame = DecodeFrame(bytes);
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->kind, StreamFrame::Kind::kData);
  EXPECT_EQ(frame->caller, 1'000'000'007);
  EXPECT_EQ(frame->callee, 5);
  EXPECT_EQ(frame->sequence, 300);
  EXPECT_EQ(frame->acknowledged, 299);
  EXPECT_EQ(frame->payload, "hello");
  EXPECT_FALSE(DecodeFrame(bytes.substr(0, 2)).has_value());
}

// Two machines, each with its end of one connection.
class SimStreamTest : public testing::Test {
 protected:
  struct End {
    std::unique_ptr<SimMachine> machine;
    std::unique_ptr<SimStream> stream;
    std::vector<std::string> received;
  };

  SimStreamTest() {
    for (NodeIndex node = 0; node < 2; ++node) {
      End& end = ends_[node];
      end.machine = std::make_unique<SimMachine>(world_, network_, node, SimMachineOptions());
      end.machine->Start([] {});
      end.stream = std::make_unique<SimStream>(
          end.machine->clock(), end.machine->executor(), /*caller=*/7, /*callee=*/9,
          [this, node](std::string frame) {
            network_.Send(node, 1 - node, kClientChannel, std::move(frame));
          });
      network_.Attach(node, {.on_message =
                                 [&end](NodeIndex, Channel, std::string_view bytes) {
                                   end.stream->Take(*DecodeFrame(bytes));
                                   while (auto message = end.stream->Next()) {
                                     end.received.push_back(*std::move(message));
                                   }
                                 },
                             .on_peer_lost = {}});
    }
  }

  std::vector<std::string> SendMany(int count) {
    std::vector<std::string> sent;
    for (int i = 0; i < count; ++i) {
      sent.push_back(std::to_string(i));
      ends_[0].stream->Send(sent.back());
    }
    return sent;
  }

  SimWorld world_{1};
  SimNetwork network_{world_, 2};
  End ends_[2];
};

TEST_F(SimStreamTest, MessagesArriveInOrderAndOnceWhateverTheNetworkDoes) {
  network_.SetAllLinks({.loss = 300,
                        .duplicate = 300,
                        .replay = 300,
                        .delay_mean = milliseconds(20),
                        .ordered = false});
  const std::vector<std::string> sent = SendMany(50);
  ends_[1].stream->Send("back");
  world_.RunFor(seconds(30));
  EXPECT_EQ(ends_[1].received, sent);
  EXPECT_EQ(ends_[0].received, std::vector<std::string>{"back"});
  EXPECT_EQ(ends_[0].stream->unacknowledged(), 0);
}

TEST_F(SimStreamTest, WhatWasLostInAPartitionComesWhenItEnds) {
  network_.Block(0, 1, true);
  const std::vector<std::string> sent = SendMany(3);
  world_.RunFor(seconds(2));
  EXPECT_TRUE(ends_[1].received.empty());
  EXPECT_EQ(ends_[0].stream->unacknowledged(), 3);
  network_.UnblockAll();
  world_.RunFor(seconds(2));
  EXPECT_EQ(ends_[1].received, sent);
}

TEST_F(SimStreamTest, ASilentPeerIsNotTalkedToForEver) {
  network_.Block(0, 1, true);
  (void)SendMany(1);
  world_.RunFor(seconds(20));
  const uint64_t blocked = network_.counts().blocked;
  world_.RunFor(seconds(20));
  EXPECT_EQ(network_.counts().blocked, blocked);
}

}  // namespace
}  // namespace flotilla::simulation

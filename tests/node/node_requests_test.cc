// What becomes of requests that cannot be served at once: each is answered, once and in time.
#include <algorithm>
#include <numeric>
#include <vector>

#include "tests/node/node_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr Duration kLong = std::chrono::seconds(60);

// Reads that are asked for, and how often each was answered.
class ManyReads {
 public:
  ManyReads(NodeRig& rig, uint64_t id, ReadLevel level, size_t count, Duration timeout = kLong)
      : answers_(count), errors_(count) {
    for (size_t i = 0; i < count; ++i) {
      ReadRequest request;
      request.context.deadline = rig.machine(id).clock().Now() + timeout;
      request.level = level;
      request.read.operation = kv::Get{.key = "k"};
      rig.node(id)->Read(std::move(request), [this, i](ReadReply reply) {
        ++answers_[i];
        errors_[i] = reply.error.reason;
      });
    }
  }

  bool AllAnsweredOnce() const {
    return std::all_of(answers_.begin(), answers_.end(), [](int times) { return times == 1; });
  }
  bool AllFailedWith(Reason reason) const {
    return AllAnsweredOnce() && std::all_of(errors_.begin(), errors_.end(),
                                            [&](Reason error) { return error == reason; });
  }
  int answered() const { return std::accumulate(answers_.begin(), answers_.end(), 0); }

 private:
  std::vector<int> answers_;
  std::vector<Reason> errors_;
};

size_t PendingReadsOf(NodeRig& rig, uint64_t id) {
  return rig.node(id)->Status().replicas.at(0).pending_reads;
}

class ReadsAtASlowEngine : public testing::TestWithParam<ReadLevel> {};
INSTANTIATE_TEST_SUITE_P(Levels, ReadsAtASlowEngine,
                         testing::Values(ReadLevel::kLinearizable, ReadLevel::kStale));

TEST_P(ReadsAtASlowEngine, AreAnsweredAtTheirDeadlines) {
  NodeRig rig(1, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(1, "k", "v").error.ok());
  rig.sequences(1).Hold(SequenceSource::Use::kRead);
  const ManyReads reads(rig, 1, GetParam(), 10, std::chrono::milliseconds(300));
  rig.world().RunFor(std::chrono::milliseconds(290));
  EXPECT_EQ(reads.answered(), 0);
  EXPECT_EQ(PendingReadsOf(rig, 1), 10u);
  rig.world().RunFor(std::chrono::milliseconds(20));
  EXPECT_TRUE(reads.AllFailedWith(Reason::kDeadlineExceeded));
  EXPECT_EQ(PendingReadsOf(rig, 1), 0u);
  // What the engine says at last changes nothing, and it serves again.
  rig.sequences(1).Release(SequenceSource::Use::kRead);
  EXPECT_EQ(rig.Get(1, "k"), "v");
  EXPECT_TRUE(reads.AllAnsweredOnce());
}

TEST_P(ReadsAtASlowEngine, AreAnsweredBeforeTheNodeStops) {
  NodeRig rig(2, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const ManyReads reads(rig, 1, GetParam(), 10);
  bool stopped = false;
  rig.node(1)->Stop(std::chrono::seconds(10), [&] { stopped = true; });
  EXPECT_TRUE(rig.RunUntil([&] { return stopped; }));
  EXPECT_TRUE(reads.AllFailedWith(Reason::kNone));
}

TEST_P(ReadsAtASlowEngine, AreAnsweredWhenTheNodeCanWaitNoLonger) {
  NodeRig rig(3, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  rig.sequences(1).Hold(SequenceSource::Use::kRead);
  const ManyReads reads(rig, 1, GetParam(), 10);
  rig.world().RunFor(std::chrono::milliseconds(100));
  bool stopped = false;
  rig.node(1)->Stop(std::chrono::seconds(1), [&] { stopped = true; });
  EXPECT_TRUE(rig.RunUntil([&] { return stopped; }));
  EXPECT_TRUE(reads.AllFailedWith(Reason::kShuttingDown));
}

TEST_P(ReadsAtASlowEngine, AreAnsweredWhenTheReplicaIsRemoved) {
  NodeRig rig(4);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  const uint64_t leader = rig.LeaderOf();
  const uint64_t leaving = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(leaving)->Ready(); }));
  rig.sequences(leaving).Hold(SequenceSource::Use::kRead);
  const ManyReads reads(rig, leaving, GetParam(), 10);
  rig.world().RunFor(std::chrono::milliseconds(100));
  rig.node(leader)->ChangeMembership(ShardId(1), {.remove = {NodeId(leaving)}},
                                     [](const absl::Status&) {});
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(leaving)->Status().replicas.empty(); }));
  EXPECT_TRUE(reads.AllFailedWith(Reason::kWrongShard));
}

TEST(NodeRequests, AForwardedWriteIsAnsweredWhenTheNodeCanWaitNoLonger) {
  NodeRig rig(5);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(follower)->Ready(); }));
  const auto index = [](uint64_t id) { return static_cast<simulation::NodeIndex>(id); };
  rig.network().Block(index(leader), index(follower), true);
  std::vector<Error> answers;
  WriteRequest request;
  request.context.deadline = rig.machine(follower).clock().Now() + kLong;
  request.command = MakeBytes(kv::EncodeCommand(PutCommand("k", "v")));
  rig.node(follower)->Write(std::move(request),
                            [&](const WriteReply& reply) { answers.push_back(reply.error); });
  rig.world().RunFor(std::chrono::milliseconds(100));
  bool stopped = false;
  rig.node(follower)->Stop(std::chrono::seconds(1), [&] { stopped = true; });
  EXPECT_TRUE(rig.RunUntil([&] { return stopped; }));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].reason, Reason::kShuttingDown);
  EXPECT_EQ(answers[0].outcome, Outcome::kUnknown);
}

TEST(NodeRequests, ForwardedWritesCountUntilTheyAreAnswered) {
  NodeRig rig(6, 3, 3, [](NodeOptions& options) { options.max_pending_bytes = 4 << 20; });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.RunUntil([&] { return rig.node(follower)->Ready(); }));
  const auto index = [](uint64_t id) { return static_cast<simulation::NodeIndex>(id); };
  rig.network().Clog(index(leader), index(follower), rig.world().now() + std::chrono::seconds(1));
  int refused = 0;
  int answered = 0;
  for (int i = 0; i < 40; ++i) {
    WriteRequest request;
    request.context.deadline = rig.machine(follower).clock().Now() + kLong;
    request.command = MakeBytes(
        kv::EncodeCommand(PutCommand("k" + std::to_string(i), std::string(1 << 19, 'x'))));
    rig.node(follower)->Write(std::move(request), [&](const WriteReply& reply) {
      ++answered;
      if (reply.error.reason == Reason::kOverloaded) ++refused;
    });
    rig.world().RunFor(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(refused, 32);
  // Whatever became of the others, what they took is free again.
  EXPECT_TRUE(rig.RunUntil([&] { return answered == 40; }));
  EXPECT_TRUE(rig.RunUntil([&] { return rig.node(follower)->Ready(); }));
  EXPECT_TRUE(rig.Put(follower, "k", "v").error.ok());
}

TEST(NodeRequests, LargeAnswersAreReadAFewAtATime) {
  constexpr size_t kReads = 40;
  NodeRig rig(9, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(1, "k", std::string(1 << 20, 'v')).error.ok());
  // All of them wait for the same round, and are executed together.
  std::map<MonoTime, size_t> answered;
  size_t answers = 0;
  for (size_t i = 0; i < kReads; ++i) {
    ReadRequest request;
    request.context.deadline = rig.machine(1).clock().Now() + kLong;
    request.read.operation = kv::Get{.key = "k"};
    rig.node(1)->Read(std::move(request), [&](const ReadReply& reply) {
      EXPECT_EQ(reply.result.rows.at(0)->value.size(), 1u << 20);
      ++answered[rig.machine(1).clock().Now()];
      ++answers;
    });
  }
  EXPECT_TRUE(rig.RunUntil([&] { return answers == kReads; }));
  for (const auto& [when, count] : answered) EXPECT_LE(count, 8u);
}

TEST(NodeRequests, TheBytesOfReadsCount) {
  NodeRig rig(7, 1, 1, [](NodeOptions& options) { options.max_pending_bytes = 40'000; });
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  rig.sequences(1).Hold(SequenceSource::Use::kRead);
  int refused = 0;
  int answered = 0;
  for (int i = 0; i < 10; ++i) {
    ReadRequest request;
    request.context.deadline = rig.machine(1).clock().Now() + kLong;
    request.read.operation =
        kv::BatchGet{.keys = std::vector<std::string>(10, std::string(1000, 'k'))};
    rig.node(1)->Read(std::move(request), [&](const ReadReply& reply) {
      ++answered;
      if (reply.error.reason == Reason::kOverloaded) ++refused;
    });
  }
  EXPECT_EQ(refused, 6);
  rig.sequences(1).Release(SequenceSource::Use::kRead);
  EXPECT_TRUE(rig.RunUntil([&] { return answered == 10; }));
  EXPECT_EQ(refused, 6);
}

TEST(NodeRequests, TheLimitIsOfTheNodeNotOfEachReplica) {
  NodeRig rig(8, 1, 1, [](NodeOptions& options) {
    options.initial_shards = 4;
    options.max_pending_requests = 10;
  });
  rig.StartAll();
  for (uint64_t shard = 1; shard <= 4; ++shard) ASSERT_TRUE(rig.AwaitLeader(ShardId(shard)));
  rig.sequences(1).Hold(SequenceSource::Use::kRead);
  int refused = 0;
  const auto read = [&](uint64_t shard) {
    ReadRequest request;
    request.context.deadline = rig.machine(1).clock().Now() + std::chrono::milliseconds(300);
    request.target.shard = ShardId(shard);
    request.read.operation = kv::ScanPage{};
    rig.node(1)->Read(std::move(request), [&](const ReadReply& reply) {
      if (reply.error.reason == Reason::kOverloaded) ++refused;
    });
  };
  for (uint64_t shard = 1; shard <= 4; ++shard) {
    for (int i = 0; i < 5; ++i) read(shard);
  }
  EXPECT_EQ(refused, 10);
  rig.world().RunFor(std::chrono::milliseconds(350));
  read(1);
  EXPECT_EQ(refused, 10);
}

// A node with four shards.
class RangesOfSeveralShards : public testing::Test {
 protected:
  RangesOfSeveralShards()
      : rig_(10, 1, 1, [](NodeOptions& options) { options.initial_shards = 4; }) {
    rig_.StartAll();
    for (uint64_t shard = 1; shard <= 4; ++shard) {
      EXPECT_TRUE(rig_.AwaitLeader(ShardId(shard)));
    }
  }

  NodeRig rig_;
};

TEST_F(RangesOfSeveralShards, AreNotAnsweredByOneShardUnasked) {
  const ReadReply all = rig_.Read(1, {.operation = kv::ScanPage{.from = "k"}});
  EXPECT_EQ(all.error.reason, Reason::kInvalidRequest);
  EXPECT_NE(all.error.message.find("name one"), std::string::npos);
  kv::Command deletion;
  deletion.operation = kv::DeleteRange{.from = "k", .limit = 10};
  const WriteReply deleted = rig_.Write(1, deletion);
  EXPECT_EQ(deleted.error.reason, Reason::kInvalidRequest);
  EXPECT_EQ(deleted.error.outcome, Outcome::kNotApplied);
}

TEST_F(RangesOfSeveralShards, AreAnsweredSlotsBySlots) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(rig_.Put(1, "k" + std::to_string(i), "v").error.ok());
  }
  uint32_t next = 0;
  size_t rows = 0;
  int pages = 0;
  while (next < sharding::kSlotCount) {
    const sharding::Arc slots{sharding::Slot{static_cast<uint16_t>(next)},
                              sharding::Slot{sharding::kSlotCount - 1}};
    const ReadReply page = rig_.Read(1, {.operation = kv::ScanPage{.slots = slots}});
    ASSERT_TRUE(page.error.ok());
    ASSERT_TRUE(page.result.arc.has_value());
    ASSERT_EQ(page.result.arc->first.value, next);
    rows += page.result.rows.size();
    ++pages;
    next = page.result.arc->last.value + 1U;
  }
  EXPECT_EQ(rows, 20u);
  EXPECT_EQ(pages, 4);
}

TEST(NodeRequests, ARangeNeedsNoNameWhereOneShardHasAll) {
  NodeRig rig(11, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  ASSERT_TRUE(rig.Put(1, "k", "v").error.ok());
  EXPECT_EQ(rig.Read(1, {.operation = kv::ScanPage{}}).result.rows.size(), 1u);
  kv::Command deletion;
  deletion.operation = kv::DeleteRange{.limit = 10};
  EXPECT_EQ(rig.Write(1, deletion).result.deleted, 1u);
}

TEST(NodeRequests, AMembershipChangeIsAnsweredWhenItsLeaderIsDeposed) {
  NodeRig rig(9);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  const auto index = [](uint64_t id) { return static_cast<simulation::NodeIndex>(id); };
  for (const uint64_t id : {1, 2, 3}) {
    if (id == leader) continue;
    rig.network().Block(index(leader), index(id), true);
    rig.network().Block(index(id), index(leader), true);
  }
  // The change stands further up than the log of the next leader will reach.
  for (int i = 0; i < 3; ++i) {
    (void)rig.Write(leader, PutCommand("k", "w"), std::chrono::milliseconds(10));
  }
  std::vector<absl::Status> answers;
  rig.node(leader)->ChangeMembership(ShardId(1), {.remove = {NodeId(follower)}},
                                     [&](absl::Status status) { answers.push_back(status); });
  ASSERT_TRUE(rig.RunUntil([&] { return rig.LeaderOf() != leader; }));
  rig.network().UnblockAll();
  EXPECT_TRUE(rig.RunUntil([&] { return !answers.empty(); }));
  rig.world().RunFor(std::chrono::seconds(5));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].code(), absl::StatusCode::kAborted);
}

TEST(NodeRequests, AreServedSoonAfterTheLeadersDiskHangs) {
  NodeRig rig(11);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader == 1 ? 2 : 1;
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  rig.sequences(leader).Hold(SequenceSource::Use::kLog);
  // Committed by the other two, and never answered by the one that leads them.
  (void)rig.Write(leader, PutCommand("k", "w"), std::chrono::milliseconds(100));
  rig.world().RunFor(std::chrono::seconds(1));
  ASSERT_NE(rig.LeaderOf(), leader);
  EXPECT_EQ(rig.Get(follower, "k"), "w");
  EXPECT_TRUE(rig.Put(follower, "k", "x").error.ok());
  rig.sequences(leader).Release(SequenceSource::Use::kLog);
  EXPECT_TRUE(rig.RunUntil([&] { return rig.Converged(); }));
  EXPECT_EQ(rig.Get(leader, "k"), "x");
}

// Its office ends with the commit, before it has applied the change.
TEST(NodeRequests, ALeaderThatRemovesItselfStillSaysThatItSucceeded) {
  NodeRig rig(10);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  const uint64_t leader = rig.LeaderOf();
  ASSERT_TRUE(rig.Put(leader, "k", "v").error.ok());
  std::vector<absl::Status> answers;
  rig.node(leader)->ChangeMembership(ShardId(1), {.remove = {NodeId(leader)}},
                                     [&](absl::Status status) { answers.push_back(status); });
  EXPECT_TRUE(rig.RunUntil([&] { return !answers.empty(); }));
  rig.world().RunFor(std::chrono::seconds(5));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].ok()) << answers[0];
  EXPECT_TRUE(rig.node(leader)->Status().replicas.empty());
}

TEST(NodeRequests, WhatQueuedBehindASlowEngineIsAppliedInPieces) {
  NodeRig rig(2, 1, 1);
  rig.StartAll();
  ASSERT_TRUE(rig.AwaitLeader());
  rig.sequences(1).Hold(SequenceSource::Use::kApply);
  int written = 0;
  for (int i = 0; i < 40; ++i) {
    WriteRequest request;
    request.context.deadline = rig.machine(1).clock().Now() + std::chrono::seconds(10);
    request.command =
        MakeBytes(kv::EncodeCommand(PutCommand(std::to_string(i), std::string(900'000, 'v'))));
    rig.node(1)->Write(std::move(request), [&](const WriteReply& reply) {
      EXPECT_TRUE(reply.error.ok()) << reply.error.message;
      ++written;
    });
    rig.world().RunFor(std::chrono::milliseconds(20));
  }
  EXPECT_EQ(written, 0);
  rig.sequences(1).Release(SequenceSource::Use::kApply);
  ASSERT_TRUE(rig.RunUntil([&] { return written == 40; }));
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(rig.Get(1, std::to_string(i)).has_value()) << i;
}

}  // namespace
}  // namespace flotilla::node

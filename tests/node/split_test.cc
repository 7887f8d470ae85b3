// A shard becomes two on all its members, whatever happens to them meanwhile.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "node/node.h"
#include "tests/node/node_rig.h"
#include "tests/support/ring_halves.h"

namespace flotilla::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::kMiddle;
using tests::Lower;
using tests::Upper;

constexpr ShardId kParent(1);
constexpr ShardId kChild(100);

std::optional<ReplicaStatus> StatusOf(NodeRig& rig, uint64_t id, ShardId shard) {
  if (!rig.running(id)) return std::nullopt;
  for (const ReplicaStatus& replica : rig.node(id)->Status().replicas) {
    if (replica.shard == shard) return replica;
  }
  return std::nullopt;
}

// Every machine runs a replica of the shard, as far as its leader's.
bool IsEverywhere(NodeRig& rig, ShardId shard, const std::vector<uint64_t>& machines = {1, 2, 3}) {
  const uint64_t leader = rig.LeaderOf(shard);
  if (leader == 0) return false;
  const LogIndex applied = StatusOf(rig, leader, shard)->raft.applied;
  return std::all_of(machines.begin(), machines.end(), [&](uint64_t id) {
    const auto replica = StatusOf(rig, id, shard);
    return replica.has_value() && replica->raft.applied == applied && !applied.is_none();
  });
}

// Asks the leader for the split until one says that it has happened.
bool SplitInTheMiddle(NodeRig& rig) {
  const auto is_split = [&] {
    const uint64_t leader = rig.LeaderOf(kParent);
    return leader != 0 && StatusOf(rig, leader, kParent)->shard_version == 2;
  };
  for (int attempt = 0; attempt < 100 && !is_split(); ++attempt) {
    if (!rig.AwaitLeader(kParent)) return false;
    std::optional<absl::Status> done;
    rig.node(rig.LeaderOf(kParent))
        ->SplitShard(kParent, {.child = kChild, .at = kMiddle, .shard_version = 1},
                     [&](absl::Status status) { done = std::move(status); });
    rig.RunUntil([&] { return done.has_value(); }, seconds(70));
    rig.RunUntil([] { return false; }, milliseconds(100));
  }
  return is_split();
}

WriteReply PutAt(NodeRig& rig, ShardId shard, const std::string& key, const std::string& value) {
  EXPECT_TRUE(rig.AwaitLeader(shard));
  return rig.Put(rig.LeaderOf(shard), key, value);
}

TEST(NodeSplit, BothHalvesServeOnAllMembers) {
  NodeRig rig(1);
  rig.StartAll();
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(PutAt(rig, kParent, Lower(i), "low").error.ok());
    ASSERT_TRUE(PutAt(rig, kParent, Upper(i), "up").error.ok());
  }
  const uint64_t leader = rig.LeaderOf(kParent);
  ASSERT_TRUE(SplitInTheMiddle(rig));
  ASSERT_TRUE(
      rig.RunUntil([&] { return IsEverywhere(rig, kChild) && IsEverywhere(rig, kParent); }));
  // Nobody had to time out: who led the parent asks for votes at once.
  EXPECT_EQ(rig.LeaderOf(kChild), leader);
  for (uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(rig.Get(id, Lower(7)), "low");
    EXPECT_EQ(rig.Get(id, Upper(7)), "up");
    EXPECT_EQ(StatusOf(rig, id, kChild)->arc, (sharding::Arc{kMiddle, sharding::Slot{16383}}));
    EXPECT_EQ(StatusOf(rig, id, kParent)->arc,
              (sharding::Arc{sharding::Slot{0}, sharding::Slot{8191}}));
  }
  EXPECT_TRUE(PutAt(rig, kChild, Upper(), "new").error.ok());
  EXPECT_TRUE(PutAt(rig, kParent, Lower(), "new").error.ok());
  EXPECT_EQ(rig.Get(2, Upper()), "new");
  EXPECT_EQ(rig.Get(2, Upper(1)), "up");
}

TEST(NodeSplit, IsRefusedByWhomItCannotBe) {
  NodeRig rig(2);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  const auto split = [&](uint64_t id, ShardId shard, uint16_t at, uint64_t version) {
    std::optional<absl::Status> done;
    rig.node(id)->SplitShard(shard,
                             {.child = kChild, .at = sharding::Slot{at}, .shard_version = version},
                             [&](absl::Status status) { done = std::move(status); });
    EXPECT_TRUE(done.has_value());
    return done.value_or(absl::OkStatus()).code();
  };
  const uint64_t leader = rig.LeaderOf();
  EXPECT_EQ(split(leader, ShardId(9), 8192, 1), absl::StatusCode::kNotFound);
  EXPECT_EQ(split(leader, kParent, 8192, 3), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(split(leader, kParent, 0, 1), absl::StatusCode::kInvalidArgument);
  std::optional<absl::Status> of_itself;
  rig.node(leader)->SplitShard(kParent, {.child = kParent, .at = kMiddle, .shard_version = 1},
                               [&](absl::Status status) { of_itself = std::move(status); });
  EXPECT_TRUE(of_itself.has_value() && absl::IsInvalidArgument(*of_itself));
  EXPECT_EQ(split(leader == 1 ? 2 : 1, kParent, 8192, 1), absl::StatusCode::kFailedPrecondition);
}

// Splits while something is written all the time; returns how much was.
int SplitUnderLoad(NodeRig& rig) {
  EXPECT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  std::optional<absl::Status> done;
  rig.node(rig.LeaderOf())
      ->SplitShard(kParent, {.child = kChild, .at = kMiddle, .shard_version = 1},
                   [&](absl::Status status) { done = std::move(status); });
  int written = 0;
  for (; !done.has_value(); ++written) {
    EXPECT_TRUE(PutAt(rig, kParent, Lower(written), "low").error.ok());
    const WriteReply upper = PutAt(rig, kParent, Upper(written), "up");
    // It may have met with the split itself.
    if (!upper.error.ok() || upper.result.code != kv::ResultCode::kOk) break;
  }
  EXPECT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kChild) && done.has_value(); }));
  EXPECT_TRUE(done->ok()) << *done;
  EXPECT_GT(written, 3);
  return written;
}

void ExpectAllIsThere(NodeRig& rig, int written) {
  for (uint64_t id = 1; id <= 3; ++id) {
    for (int i = 0; i < written; ++i) {
      EXPECT_EQ(rig.Get(id, Lower(i)), "low") << "node " << id << ", row " << i;
      EXPECT_EQ(rig.Get(id, Upper(i)), "up") << "node " << id << ", row " << i;
    }
  }
}

TEST(NodeSplit, ADraftOfTheChildGoesAlongWithTheState) {
  NodeRig rig(8);
  rig.StartAll();
  const int written = SplitUnderLoad(rig);
  EXPECT_EQ(rig.logged().Count("shard_split made_of=a draft"), 3);
  ExpectAllIsThere(rig, written);
  for (uint64_t id = 1; id <= 3; ++id) rig.PowerOff(id);
  for (uint64_t id = 1; id <= 3; ++id) rig.Start(id);
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kChild); }));
  ExpectAllIsThere(rig, written);
}

TEST(NodeSplit, WithoutADraftTheStateIsCopied) {
  NodeRig rig(8, 3, 3, [](NodeOptions& options) { options.child_draft_bytes = 0; });
  rig.StartAll();
  const int written = SplitUnderLoad(rig);
  EXPECT_EQ(rig.logged().Count("shard_split made_of=the state"), 3);
  ExpectAllIsThere(rig, written);
}

// A leader that dies before it proposes the split leaves nothing behind.
TEST(NodeSplit, ADraftThatNobodyAsksForAnyMoreGoes) {
  NodeRig rig(8);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  const uint64_t leader = rig.LeaderOf();
  const uint64_t follower = leader % 3 + 1;
  const uint64_t other = follower % 3 + 1;
  // A majority waits a second for the third.
  rig.sequences(other).Hold(SequenceSource::Use::kBulk);
  rig.node(leader)->SplitShard(kParent, {.child = kChild, .at = kMiddle, .shard_version = 1},
                               [](const absl::Status&) {});
  const auto drafts = [&] {
    return rig.machine(follower).disk().FilesBelow("/data/shards/" + ToString(kChild)).size();
  };
  ASSERT_TRUE(rig.RunUntil([&] { return drafts() > 0; }));
  rig.Kill(leader);
  EXPECT_TRUE(rig.RunUntil([&] { return drafts() == 0; }));
  EXPECT_EQ(StatusOf(rig, follower, kChild), std::nullopt);
  rig.sequences(other).Release(SequenceSource::Use::kBulk);
  rig.Start(leader);
  EXPECT_TRUE(SplitInTheMiddle(rig));
}

TEST(NodeSplit, ADraftGoesWithItsReplica) {
  NodeRig rig(8);
  rig.StartAll();
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  const uint64_t leader = rig.LeaderOf();
  const uint64_t removed = leader % 3 + 1;
  rig.sequences(removed % 3 + 1).Hold(SequenceSource::Use::kBulk);
  rig.node(leader)->SplitShard(kParent, {.child = kChild, .at = kMiddle, .shard_version = 1},
                               [](const absl::Status&) {});
  const auto drafts = [&] {
    return rig.machine(removed).disk().FilesBelow("/data/shards/" + ToString(kChild)).size();
  };
  ASSERT_TRUE(rig.RunUntil([&] { return drafts() > 0; }));
  rig.node(leader)->ChangeMembership(kParent, {.remove = {NodeId(removed)}},
                                     [](const absl::Status&) {});
  ASSERT_TRUE(rig.RunUntil([&] { return !StatusOf(rig, removed, kParent).has_value(); },
                           milliseconds(900)));
  EXPECT_TRUE(rig.RunUntil([&] { return drafts() == 0; }));
}

TEST(NodeSplit, AMemberThatWasAwayMakesItsHalfFromTheLog) {
  NodeRig rig(3);
  rig.StartAll();
  ASSERT_TRUE(PutAt(rig, kParent, Upper(), "up").error.ok());
  const uint64_t away = rig.LeaderOf() == 1 ? 2 : 1;
  rig.Kill(away);
  ASSERT_TRUE(SplitInTheMiddle(rig));
  ASSERT_TRUE(PutAt(rig, kChild, Upper(1), "later").error.ok());
  rig.Start(away);
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kChild); }));
  EXPECT_EQ(rig.Get(away, Upper()), "up");
  EXPECT_EQ(rig.Get(away, Upper(1)), "later");
}

TEST(NodeSplit, AMemberThatJumpedOverItGetsASnapshotOfTheChild) {
  NodeRig rig(4, 3, 3, [](NodeOptions& options) {
    options.flush_log_entries = 10;
    options.compact_log_entries = 5;
    options.raft.entry_cache_bytes = 4096;
  });
  rig.StartAll();
  ASSERT_TRUE(PutAt(rig, kParent, Upper(), "up").error.ok());
  const uint64_t away = rig.LeaderOf() == 1 ? 2 : 1;
  rig.Kill(away);
  ASSERT_TRUE(SplitInTheMiddle(rig));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(PutAt(rig, kParent, Lower(i), "low").error.ok());
  }
  rig.Start(away);
  ASSERT_TRUE(
      rig.RunUntil([&] { return IsEverywhere(rig, kChild) && IsEverywhere(rig, kParent); }));
  EXPECT_EQ(rig.Get(away, Upper()), "up");
  EXPECT_EQ(rig.Get(away, Lower(99)), "low");
}

// What it has of the child's data would be swept away, and all of it sent by another node.
TEST(NodeSplit, AParentThatStoppedForAWhileIsWaitedFor) {
  NodeRig rig(8);
  rig.StartAll();
  ASSERT_TRUE(PutAt(rig, kParent, Upper(), "up").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  const uint64_t stopped = rig.LeaderOf() == 1 ? 2 : 1;
  rig.FailEngines(stopped, absl::UnavailableError("a compaction found no space"));
  ASSERT_TRUE(PutAt(rig, kParent, Upper(), "newer").error.ok());
  ASSERT_TRUE(rig.RunUntil([&] { return StatusOf(rig, stopped, kParent)->failed; }));
  ASSERT_TRUE(SplitInTheMiddle(rig));
  ASSERT_TRUE(PutAt(rig, kChild, Upper(1), "later").error.ok());
  rig.RunUntil([] { return false; }, seconds(20));
  EXPECT_FALSE(StatusOf(rig, stopped, kChild).has_value());
  rig.FailEngines(stopped, absl::OkStatus());
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kChild); }, seconds(60)));
  EXPECT_EQ(rig.Get(stopped, Upper()), "newer");
  EXPECT_EQ(rig.Get(stopped, Upper(1)), "later");
}

TEST(NodeSplit, WhatIsNotOwnedGoesByItself) {
  NodeRig rig(5);
  rig.StartAll();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(PutAt(rig, kParent, "k" + std::to_string(i), std::string(1000, 'v')).error.ok());
  }
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kParent); }));
  ASSERT_TRUE(SplitInTheMiddle(rig));
  const auto bytes = [&](ShardId shard) {
    uint64_t most = 0;
    for (uint64_t id = 1; id <= 3; ++id) {
      const auto replica = StatusOf(rig, id, shard);
      most = std::max(most, replica.has_value() ? replica->engine_bytes : UINT64_MAX);
    }
    return most;
  };
  EXPECT_TRUE(rig.RunUntil([&] { return bytes(kParent) < 40'000 && bytes(kChild) < 40'000; }));
}

TEST(NodeSplit, ASecondSplitOfEitherHalf) {
  NodeRig rig(6);
  rig.StartAll();
  ASSERT_TRUE(PutAt(rig, kParent, Upper(), "up").error.ok());
  ASSERT_TRUE(SplitInTheMiddle(rig));
  ASSERT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, kChild); }));
  for (const auto& [shard, child, at] :
       {std::tuple(kParent, ShardId(101), 4096), std::tuple(kChild, ShardId(102), 12288)}) {
    std::optional<absl::Status> done;
    rig.node(rig.LeaderOf(shard))
        ->SplitShard(
            shard,
            {.child = child, .at = sharding::Slot{static_cast<uint16_t>(at)}, .shard_version = 2},
            [&](absl::Status status) { done = std::move(status); });
    ASSERT_TRUE(rig.RunUntil([&] { return done.has_value(); }));
    EXPECT_TRUE(done->ok()) << *done;
    EXPECT_TRUE(rig.RunUntil([&] { return IsEverywhere(rig, child); }));
  }
  EXPECT_EQ(rig.node(1)->ShardMap().size(), 4u);
  EXPECT_EQ(rig.Get(1, Upper()), "up");
}

// The power of one machine, or of all, fails at any moment of the split.
TEST(NodeSplit, SurvivesPowerCutsAtEveryMoment) {
  for (int victims = 1; victims <= 3; victims += 2) {
    bool over = false;
    for (int event = 0; !over; event += 7) {
      NodeRig rig(7, 3, 3, [](NodeOptions& options) { options.tick = milliseconds(20); });
      rig.StartAll();
      for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(PutAt(rig, kParent, Upper(i), "up").error.ok());
        ASSERT_TRUE(PutAt(rig, kParent, Lower(i), "low").error.ok());
      }
      const uint64_t leader = rig.LeaderOf();
      std::optional<absl::Status> done;
      rig.node(leader)->SplitShard(kParent, {.child = kChild, .at = kMiddle, .shard_version = 1},
                                   [&](absl::Status status) { done = std::move(status); });
      for (int i = 0; i < event && !over; ++i) {
        rig.world().Step();
        over = IsEverywhere(rig, kChild) && done.has_value();
      }
      for (int i = 0; i < victims; ++i) rig.PowerOff((leader + i - 1) % 3 + 1);
      for (int i = 0; i < victims; ++i) rig.Start((leader + i - 1) % 3 + 1);
      ASSERT_TRUE(SplitInTheMiddle(rig)) << victims << " at event " << event;
      ASSERT_TRUE(rig.RunUntil([&] {
        return IsEverywhere(rig, kChild) && IsEverywhere(rig, kParent);
      })) << victims
          << " at event " << event;
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(rig.Get(1, Upper(i)), "up") << victims << " at event " << event;
        EXPECT_EQ(rig.Get(1, Lower(i)), "low") << victims << " at event " << event;
      }
    }
  }
}

}  // namespace
}  // namespace flotilla::node

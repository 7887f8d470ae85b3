// Snapshots share a node with everything else: they keep to their rate, run a few at a time, and
// what an interruption has not lost is not sent again.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/byte_rate.h"
#include "node/node.h"
#include "node/transfer_slots.h"
#include "tests/node/fake_transport.h"
#include "tests/node/snapshot_rig.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kRate = 4'000;
constexpr uint64_t kChunk = 1'000;
constexpr uint64_t kWindow = 2 * kChunk;

// A snapshot of some 20 kB takes five seconds: many times an election timeout.
void SlowSnapshots(NodeOptions& options) {
  TinyLog(options);
  options.snapshot_bytes_per_second = kRate;
}

void CutOff(NodeRig& rig, uint64_t id, bool cut) {
  for (const uint64_t peer : {1, 2, 3}) {
    if (peer == id) continue;
    rig.network().Block(static_cast<simulation::NodeIndex>(peer),
                        static_cast<simulation::NodeIndex>(id), cut);
    rig.network().Block(static_cast<simulation::NodeIndex>(id),
                        static_cast<simulation::NodeIndex>(peer), cut);
  }
}

class ExecutorOfNow : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  TimerId PostAt(MonoTime, Task) override { return 0; }
  void Cancel(TimerId) override {}
  void RunAll() {
    for (Task& task : std::exchange(tasks_, {})) task();
  }

 private:
  std::vector<Task> tasks_;
};

TEST(ByteRate, AfterTheBurstBytesWaitForTheirTime) {
  FakeClock clock;
  ByteRate rate(1'000, clock);
  const MonoTime start = clock.Now();
  EXPECT_EQ(rate.Reserve(50), start);
  EXPECT_EQ(rate.Reserve(1'000), start);
  EXPECT_EQ(rate.Reserve(500), start + seconds(1));
  EXPECT_EQ(rate.Reserve(1), start + milliseconds(1'500));
}

TEST(ByteRate, APauseSavesUpNoMoreThanABurst) {
  FakeClock clock;
  ByteRate rate(1'000, clock);
  clock.Advance(minutes(10));
  const MonoTime now = clock.Now();
  EXPECT_EQ(rate.Reserve(100), now);
  EXPECT_EQ(rate.Reserve(1), now + milliseconds(50));
}

TEST(ByteRate, WithoutALimitNothingWaits) {
  FakeClock clock;
  ByteRate rate(0, clock);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(rate.Reserve(uint64_t{1} << 40), clock.Now());
}

TEST(TransferSlots, WhoComesTooLateGetsASlotInOrder) {
  ExecutorOfNow executor;
  TransferSlots slots(1, executor);
  std::string granted;
  TransferSlots::Ticket first = slots.Join([] { FAIL() << "it was granted at once"; });
  TransferSlots::Ticket second = slots.Join([&] { granted += '2'; });
  TransferSlots::Ticket third = slots.Join([&] { granted += '3'; });
  EXPECT_TRUE(first.granted());
  EXPECT_FALSE(second.granted());
  first.GiveBack();
  executor.RunAll();
  EXPECT_EQ(granted, "2");
  EXPECT_TRUE(second.granted());
  second = TransferSlots::Ticket();
  executor.RunAll();
  EXPECT_EQ(granted, "23");
}

TEST(TransferSlots, WhoLeavesTheQueueIsNotServed) {
  ExecutorOfNow executor;
  TransferSlots slots(1, executor);
  std::string granted;
  TransferSlots::Ticket first = slots.Join([] {});
  TransferSlots::Ticket second = slots.Join([&] { granted += '2'; });
  TransferSlots::Ticket third = slots.Join([&] { granted += '3'; });
  second.GiveBack();
  first.GiveBack();
  executor.RunAll();
  EXPECT_EQ(granted, "3");
}

TEST(TransferSlots, ASlotThatIsGivenBackBeforeItsHolderHeardOfItGoesOn) {
  ExecutorOfNow executor;
  TransferSlots slots(1, executor);
  std::string granted;
  TransferSlots::Ticket first = slots.Join([] {});
  TransferSlots::Ticket second = slots.Join([&] { granted += '2'; });
  TransferSlots::Ticket third = slots.Join([&] { granted += '3'; });
  first.GiveBack();
  second.GiveBack();
  executor.RunAll();
  EXPECT_EQ(granted, "3");
}

TEST(TransferSlots, WithoutALimitNobodyWaits) {
  ExecutorOfNow executor;
  TransferSlots slots(0, executor);
  std::vector<TransferSlots::Ticket> tickets;
  for (int i = 0; i < 10; ++i) tickets.push_back(slots.Join([] {}));
  for (const TransferSlots::Ticket& ticket : tickets) EXPECT_TRUE(ticket.granted());
}

TEST(SnapshotLimits, SnapshotsKeepToTheirRateAndHeartbeatsGoOn) {
  NodeRig rig(8, 3, 3, SlowSnapshots);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const Term term = rig.node(rig.LeaderOf())->Status().replicas.at(0).raft.term;
  const SnapshotWatch watch(rig);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }, minutes(1)));
  ASSERT_GT(watch.bytes(), 3 * kRate);
  const Duration begin = watch.pieces().front().when;
  uint64_t sum = 0;
  for (const SnapshotWatch::Piece& piece : watch.pieces()) {
    sum += piece.bytes;
    // The last piece may have begun on credit.
    const double allowed =
        kRate * std::chrono::duration<double>(piece.when - begin + ByteRate::kBurst).count();
    EXPECT_LE(static_cast<double>(sum), allowed + kChunk + 1);
  }
  // Nobody missed a heartbeat meanwhile.
  EXPECT_EQ(rig.node(rig.LeaderOf())->Status().replicas.at(0).raft.term, term);
}

TEST(SnapshotLimits, AfterACutATransferGoesOnWhereItWas) {
  // Short enough that the sender goes on asking, and so long that it has paused.
  for (const Duration cut : {Duration(seconds(5)), Duration(seconds(30))}) {
    NodeRig rig(8, 3, 3, SlowSnapshots);
    const uint64_t follower = LeaveAFollowerBehind(rig);
    const uint64_t leader = rig.LeaderOf();
    const SnapshotWatch watch(rig);
    rig.Start(follower);
    ASSERT_TRUE(rig.RunUntil([&] { return watch.bytes() > 10 * kChunk; }));
    CutOff(rig, follower, true);
    rig.world().RunFor(cut);
    const uint64_t until_healed = watch.bytes();
    CutOff(rig, follower, false);
    ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }, minutes(1)));
    ASSERT_EQ(rig.LeaderOf(), leader);
    const uint64_t size = watch.size_of(ShardId(1));
    EXPECT_LE(until_healed, 10 * kChunk + 2 * kWindow);
    EXPECT_LE(watch.bytes(), size + 3 * kWindow) << "of " << size;
    EXPECT_EQ(rig.Get(follower, "k0"), std::string(50, 'x'));
    rig.world().RunFor(seconds(1));
    EXPECT_FALSE(HasCheckpoint(rig, leader));
  }
}

TEST(SnapshotLimits, ALeaderThatLeadsAgainGoesOnWhereItWas) {
  NodeRig rig(8, 3, 3, SlowSnapshots);
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const uint64_t leader = rig.LeaderOf();
  const uint64_t other = 6 - leader - follower;
  const SnapshotWatch watch(rig);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return watch.bytes() > 10 * kChunk; }));
  // The one that leads in between never hears of the follower.
  for (const auto& [from, to] : {std::pair(other, follower), std::pair(follower, other)}) {
    rig.network().Block(static_cast<simulation::NodeIndex>(from),
                        static_cast<simulation::NodeIndex>(to), true);
  }
  const auto hand_over = [&](uint64_t from, uint64_t to) {
    rig.node(from)->TransferLeadership(ShardId(1), NodeId(to), [](const absl::Status&) {});
    return rig.RunUntil([&] { return rig.LeaderOf() == to && Checkpoints(rig, leader) <= 1; });
  };
  ASSERT_TRUE(hand_over(leader, other));
  rig.world().RunFor(milliseconds(300));
  ASSERT_TRUE(hand_over(other, leader));
  ASSERT_TRUE(rig.RunUntil([&] { return rig.Converged(); }, minutes(1)));
  std::set<uint64_t> transfers;
  for (const SnapshotWatch::Piece& piece : watch.pieces()) transfers.insert(piece.transfer);
  EXPECT_EQ(transfers.size(), 1u);
  EXPECT_LE(watch.bytes(), watch.size_of(ShardId(1)) + 3 * kWindow);
  EXPECT_EQ(rig.Get(follower, "k0"), std::string(50, 'x'));
}

// Once another transfer has begun, an earlier one is over.
void ExpectOneAfterTheOther(const std::vector<SnapshotWatch::Piece>& pieces) {
  std::vector<uint64_t> order;
  for (const SnapshotWatch::Piece& piece : pieces) {
    if (order.empty() || order.back() != piece.transfer) order.push_back(piece.transfer);
  }
  EXPECT_GE(order.size(), 2u);
  EXPECT_EQ(std::set<uint64_t>(order.begin(), order.end()).size(), order.size());
}

bool AllCaughtUp(NodeRig& rig, uint64_t follower) {
  const std::vector<ReplicaStatus> replicas = rig.node(follower)->Status().replicas;
  return replicas.size() == 3 &&
         std::all_of(replicas.begin(), replicas.end(), [](const ReplicaStatus& replica) {
           return replica.raft.first_index > LogIndex(50);
         });
}

TEST(SnapshotLimits, SendsBeyondTheLimitWaitForEachOther) {
  NodeRig rig(8, 3, 3, [](NodeOptions& options) {
    SlowSnapshots(options);
    options.initial_shards = 3;
    options.snapshot_max_sends = 1;
  });
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const SnapshotWatch watch(rig);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return AllCaughtUp(rig, follower); }, minutes(1)));
  // Two nodes lead three shards.
  std::map<uint64_t, std::vector<SnapshotWatch::Piece>> by_sender;
  for (const SnapshotWatch::Piece& piece : watch.pieces()) by_sender[piece.from].push_back(piece);
  const auto busiest = std::max_element(
      by_sender.begin(), by_sender.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  ExpectOneAfterTheOther(busiest->second);
}

TEST(SnapshotLimits, AReceiverTakesNoMoreThanItsLimitAndForgetsNobody) {
  NodeRig rig(8, 3, 3, [](NodeOptions& options) {
    SlowSnapshots(options);
    // The last has to wait longer than a silent peer is waited for.
    options.snapshot_bytes_per_second = 600;
    options.initial_shards = 3;
    options.snapshot_max_sends = 0;
    options.snapshot_max_receives = 1;
  });
  const uint64_t follower = LeaveAFollowerBehind(rig);
  const SnapshotWatch watch(rig);
  rig.Start(follower);
  ASSERT_TRUE(rig.RunUntil([&] { return AllCaughtUp(rig, follower); }, minutes(3)));
  EXPECT_GT(watch.pieces().back().when - watch.pieces().front().when, seconds(20));
  ExpectOneAfterTheOther(watch.pieces());
}

}  // namespace
}  // namespace flotilla::node

#include "tests/simulation/sim_world.h"

#include <string>
#include <vector>

#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_executor.h"
#include "tests/simulation/sim_sequence.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr SimExecutor::Options kInstant{};

TEST(SimWorld, TimeJumpsToTheNextEvent) {
  SimWorld world(1);
  Duration seen{};
  world.After(seconds(5), EventKind::kWorld, kWorldNode, [&] { seen = world.now(); });
  ASSERT_TRUE(world.Step());
  EXPECT_EQ(seen, seconds(5));
  EXPECT_FALSE(world.Step());
}

TEST(SimWorld, RunUntilRunsWhatIsDueAndNoMore) {
  SimWorld world(1);
  int ran = 0;
  world.At(seconds(1), EventKind::kWorld, kWorldNode, [&] { ++ran; });
  world.At(seconds(3), EventKind::kWorld, kWorldNode, [&] { ++ran; });
  world.RunUntil(seconds(2));
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(world.now(), seconds(2));
}

TEST(SimWorld, AtEndOfEventRunsBeforeTheNextEvent) {
  SimWorld world(1);
  std::string order;
  world.After({}, EventKind::kWorld, kWorldNode, [&] {
    world.AtEndOfEvent([&] { order += 'b'; });
    order += 'a';
  });
  world.After({}, EventKind::kWorld, kWorldNode, [&] { order += 'c'; });
  world.RunFor(seconds(1));
  EXPECT_EQ(order, "abc");
}

TEST(SimWorld, WhatAnEndOfEventAddsRunsOnceAndAfterIt) {
  SimWorld world(1);
  std::string order;
  world.After({}, EventKind::kWorld, kWorldNode, [&] {
    world.AtEndOfEvent([&] {
      world.AtEndOfEvent([&] { order += 'b'; });
      order += 'a';
    });
  });
  world.RunFor(seconds(1));
  EXPECT_EQ(order, "ab");
}

TEST(SimWorld, StreamsOfOneSeedDifferByNameAndNumberAndRepeat) {
  SimWorld world(1);
  const uint64_t draw = world.Stream("disk", 1).Next();
  EXPECT_EQ(draw, SimWorld(1).Stream("disk", 1).Next());
  EXPECT_NE(draw, world.Stream("disk", 2).Next());
  EXPECT_NE(draw, world.Stream("network", 1).Next());
  EXPECT_NE(draw, SimWorld(2).Stream("disk", 1).Next());
}

TEST(SimWorld, TheHashTellsTimeNodeKindAndBytesApart) {
  const auto hash_of = [](Duration time, EventKind kind, NodeIndex node, uint32_t crc) {
    SimWorld world(1);
    world.At(
        time, kind, node, [] {}, crc);
    world.Step();
    return world.hash();
  };
  const uint64_t hash = hash_of(seconds(1), EventKind::kTask, 0, 0);
  EXPECT_EQ(hash, hash_of(seconds(1), EventKind::kTask, 0, 0));
  EXPECT_NE(hash, hash_of(seconds(2), EventKind::kTask, 0, 0));
  EXPECT_NE(hash, hash_of(seconds(1), EventKind::kTimer, 0, 0));
  EXPECT_NE(hash, hash_of(seconds(1), EventKind::kTask, 1, 0));
  EXPECT_NE(hash, hash_of(seconds(1), EventKind::kTask, 0, 1));
}

TEST(SimClock, RunsAtItsOwnRate) {
  SimWorld world(1);
  SimClock clock(world);
  clock.SetRate(1'100'000);
  const MonoTime start = clock.Now();
  world.RunFor(seconds(10));
  EXPECT_EQ(clock.Now() - start, seconds(11));
}

TEST(SimClock, AWallJumpLeavesTheMonotonicClockAlone) {
  SimWorld world(1);
  SimClock clock(world);
  const MonoTime mono = clock.Now();
  const WallTime wall = clock.WallNow();
  clock.JumpWall(-std::chrono::hours(2));
  EXPECT_EQ(clock.Now(), mono);
  EXPECT_EQ(clock.WallNow(), wall - std::chrono::hours(2));
}

TEST(SimClock, RebootStartsTheMonotonicClockAnewAndKeepsTheWallClock) {
  SimWorld world(1);
  SimClock clock(world);
  world.RunFor(seconds(3));
  const WallTime wall = clock.WallNow();
  clock.Reboot(MonoTime(seconds(9)));
  EXPECT_EQ(clock.Now(), MonoTime(seconds(9)));
  EXPECT_EQ(clock.WallNow(), wall);
}

TEST(SimExecutor, TasksKeepTheirOrderWhateverTheirDelays) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, {.post_delay_mean = milliseconds(1)}, Random(1));
  std::string out;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    executor.Post([&out, letter] { out += letter; });
  }
  world.RunFor(seconds(1));
  EXPECT_EQ(out, "abcdefghijklmnopqrstuvwxyz");
}

TEST(SimExecutor, ATimerIsNeverEarlyOnItsNodesClock) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, kInstant, Random(1));
  const MonoTime due = clock.Now() + seconds(10);
  MonoTime ran;
  executor.PostAt(due, [&] { ran = clock.Now(); });
  world.RunFor(seconds(1));
  clock.SetRate(500'000);  // the event in the queue is too early now
  world.RunFor(seconds(100));
  EXPECT_EQ(ran, due);
}

TEST(SimExecutor, ACancelledTimerDoesNotRun) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, kInstant, Random(1));
  bool ran = false;
  const TimerId timer = executor.PostAt(clock.Now() + seconds(1), [&] { ran = true; });
  executor.Cancel(timer);
  world.RunFor(seconds(5));
  EXPECT_FALSE(ran);
}

TEST(SimExecutor, AStalledProcessRunsEverythingLaterInOrder) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, kInstant, Random(1));
  std::string out;
  Duration first{};
  executor.Post([&] {
    first = world.now();
    out += 'a';
  });
  executor.PostAt(clock.Now() + seconds(1), [&] { out += 'c'; });
  executor.Stall(seconds(5));
  world.RunFor(seconds(2));
  EXPECT_EQ(out, "");
  executor.Post([&] { out += 'b'; });
  world.RunFor(seconds(9));
  EXPECT_EQ(first, seconds(5));
  EXPECT_EQ(out.substr(0, 1), "a");
  EXPECT_LT(out.find('a'), out.find('b'));
  EXPECT_NE(out.find('c'), std::string::npos);
}

TEST(SimExecutor, AStallThatEndsEarlyHoldsNothingBackAnyMore) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, kInstant, Random(1));
  std::string out;
  executor.Stall(seconds(100));
  executor.Post([&] { out += 'a'; });
  executor.PostAt(clock.Now() + seconds(1), [&] { out += 't'; });
  world.RunFor(seconds(2));
  EXPECT_EQ(out, "");
  executor.Stall(world.now());
  executor.Post([&] { out += 'b'; });
  world.RunFor(seconds(1));
  EXPECT_LT(out.find('a'), out.find('b'));
  EXPECT_EQ(out.size(), 3u) << out;
}

TEST(SimExecutor, NothingRunsAfterStop) {
  SimWorld world(1);
  SimClock clock(world);
  SimExecutor executor(world, clock, 0, kInstant, Random(1));
  int ran = 0;
  executor.Post([&] { ++ran; });
  executor.PostAt(clock.Now(), [&] { ++ran; });
  executor.Stop();
  executor.Post([&] { ++ran; });
  executor.PostAt(clock.Now(), [&] { ++ran; });
  world.RunFor(seconds(1));
  EXPECT_EQ(ran, 0);
}

class SimSequenceTest : public ::testing::Test {
 protected:
  SimWorld world_{1};
  SimClock clock_{world_};
  SimExecutor executor_{world_, clock_, 0, kInstant, Random(1)};
  SimSequenceSource source_{world_,
                            0,
                            {.work_delay_mean = milliseconds(1),
                             .done_delay_mean = milliseconds(1),
                             .take_latency = [this] { return std::exchange(latency_, {}); }},
                            Random(2)};
  Duration latency_{};
  std::string out_;
};

TEST_F(SimSequenceTest, JobsRunOneAtATimeInOrder) {
  const auto sequence = source_.NewSequence(SequenceSource::Use::kLog, executor_);
  for (char letter : {'a', 'b', 'c'}) {
    sequence->Run([this, letter] { out_ += letter; }, [this, letter] { out_ += letter; });
  }
  EXPECT_EQ(out_, "") << "work must not run inside Run";
  world_.RunFor(seconds(1));
  EXPECT_EQ(out_.size(), 6u);
  EXPECT_LT(out_.find('a'), out_.find('b'));
  EXPECT_LT(out_.rfind('a'), out_.rfind('b'));
  EXPECT_LT(out_.rfind('b'), out_.rfind('c'));
}

TEST_F(SimSequenceTest, TimeSpentByTheWorkDelaysDone) {
  const auto sequence = source_.NewSequence(SequenceSource::Use::kLog, executor_);
  Duration worked{};
  Duration done{};
  sequence->Run(
      [&] {
        worked = world_.now();
        latency_ = seconds(3);
      },
      [&] { done = world_.now(); });
  world_.RunFor(seconds(10));
  EXPECT_GE(done - worked, seconds(3));
}

TEST_F(SimSequenceTest, NothingOfADestroyedSequenceIsReported) {
  for (int i = 0; i < 50; ++i) {
    auto sequence = source_.NewSequence(SequenceSource::Use::kLog, executor_);
    for (int job = 0; job < 3; ++job) {
      sequence->Run([] {}, [this] { out_ += 'd'; });
    }
    world_.RunFor(std::chrono::microseconds(500));
    sequence.reset();
    out_.clear();
    world_.RunFor(seconds(1));
    EXPECT_EQ(out_, "");
  }
}

}  // namespace
}  // namespace flotilla::simulation

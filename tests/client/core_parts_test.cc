// The small parts that the core is made of.
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/random.h"
#include "client/backoff.h"
#include "client/circuit_breaker.h"
#include "client/deadline_wheel.h"
#include "client/operation.h"
#include "client/route_table.h"
#include "client/server_error.h"
#include "client/write_session.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const MonoTime kStart{std::chrono::hours(5)};

TEST(Backoff, DoublesUpToItsLimitWithJitter) {
  Random random(1);
  const BackoffLimits limits{milliseconds(10), milliseconds(100)};
  const std::vector<int> full = {10, 20, 40, 80, 100, 100};
  for (uint32_t failures = 1; failures <= full.size(); ++failures) {
    std::set<Duration> seen;
    for (int i = 0; i < 50; ++i) {
      const Duration delay = BackoffDelay(limits, failures, random);
      EXPECT_GE(delay, milliseconds(full[failures - 1]) / 2);
      EXPECT_LE(delay, milliseconds(full[failures - 1]));
      seen.insert(delay);
    }
    EXPECT_GT(seen.size(), 10) << "callers that failed together come back apart";
  }
  EXPECT_LE(BackoffDelay(limits, 4'000'000'000, random), milliseconds(100));
}

TEST(CircuitBreaker, LetsOneProbeThroughAfterAWhile) {
  Random random(1);
  CircuitBreaker breaker({milliseconds(10), milliseconds(100)});
  EXPECT_TRUE(breaker.AllowsCalls());
  breaker.Fail(kStart, random);
  EXPECT_FALSE(breaker.AllowsCalls());
  EXPECT_FALSE(breaker.AllowsProbe(kStart));
  EXPECT_TRUE(breaker.AllowsProbe(breaker.retry_at()));
  breaker.Probe();
  EXPECT_FALSE(breaker.AllowsProbe(breaker.retry_at())) << "one at a time";
  EXPECT_FALSE(breaker.AllowsCalls()) << "calls wait for its result";
  breaker.Connected();
  EXPECT_TRUE(breaker.AllowsCalls());
}

TEST(CircuitBreaker, WaitsLongerWhileNothingIsAnswered) {
  Random random(1);
  CircuitBreaker breaker({milliseconds(10), milliseconds(1000)});
  for (int i = 0; i < 5; ++i) {
    breaker.Fail(kStart, random);
    breaker.Probe();
    breaker.Connected();
  }
  breaker.Fail(kStart, random);
  EXPECT_GE(breaker.retry_at() - kStart, milliseconds(160)) << "connecting proves nothing";
  breaker.Answered();
  breaker.Fail(kStart, random);
  EXPECT_LE(breaker.retry_at() - kStart, milliseconds(10));
}

struct Item : Timed {
  explicit Item(int n) : number(n) {}
  int number;
};

int Popped(DeadlineWheel& wheel, MonoTime now) {
  Timed* due = wheel.PopDue(now);
  return due == nullptr ? -1 : static_cast<Item*>(due)->number;
}

TEST(DeadlineWheel, ReportsWhatIsDueNeitherEarlyNorLate) {
  DeadlineWheel wheel(kStart, milliseconds(4));
  Item one(1);
  wheel.Schedule(one, kStart + milliseconds(10));
  EXPECT_EQ(Popped(wheel, kStart + milliseconds(9)), -1);
  EXPECT_EQ(Popped(wheel, kStart + milliseconds(14)), 1);
  EXPECT_EQ(Popped(wheel, kStart + milliseconds(100)), -1) << "once";
}

TEST(DeadlineWheel, NextLookIsWhenSomethingIsDue) {
  DeadlineWheel wheel(kStart, milliseconds(4));
  EXPECT_FALSE(wheel.NextLook().has_value());
  Item far(1);
  Item near(2);
  wheel.Schedule(far, kStart + seconds(3600));
  EXPECT_LE(*wheel.NextLook(), kStart + milliseconds(4 * 1024)) << "in a turn at the latest";
  wheel.Schedule(near, kStart + milliseconds(50));
  EXPECT_EQ(Popped(wheel, *wheel.NextLook()), 2);
}

TEST(DeadlineWheel, EntriesCanMoveAndLeave) {
  DeadlineWheel wheel(kStart, milliseconds(4));
  Item moved(1);
  auto gone = std::make_unique<Item>(2);
  wheel.Schedule(moved, kStart + milliseconds(10));
  wheel.Schedule(*gone, kStart + milliseconds(10));
  wheel.Schedule(moved, kStart + milliseconds(200));
  gone.reset();
  EXPECT_EQ(Popped(wheel, kStart + milliseconds(100)), -1);
  EXPECT_EQ(Popped(wheel, kStart + milliseconds(204)), 1);
}

TEST(DeadlineWheel, SurvivesALongPause) {
  DeadlineWheel wheel(kStart, milliseconds(4));
  Item one(1);
  Item two(2);
  Item later(3);
  wheel.Schedule(one, kStart + milliseconds(10));
  wheel.Schedule(two, kStart + seconds(30));
  wheel.Schedule(later, kStart + std::chrono::hours(20));
  const MonoTime now = kStart + std::chrono::hours(10);
  EXPECT_GT(Popped(wheel, now), 0);
  EXPECT_GT(Popped(wheel, now), 0);
  EXPECT_EQ(Popped(wheel, now), -1);
}

TEST(DeadlineWheel, AgreesWithASortedMap) {
  Random random(3);
  DeadlineWheel wheel(kStart, milliseconds(4));
  std::map<int, std::pair<MonoTime, std::unique_ptr<Item>>> expected;
  MonoTime now = kStart;
  int next = 0;
  for (int step = 0; step < 5000; ++step) {
    for (uint64_t i = random.Below(3); i > 0; --i) {
      auto item = std::make_unique<Item>(next);
      const MonoTime due = now + Duration(random.Below(20'000'000'000));
      wheel.Schedule(*item, due);
      expected[next++] = {due, std::move(item)};
    }
    now += Duration(random.Below(30'000'000));
    for (int popped = Popped(wheel, now); popped >= 0; popped = Popped(wheel, now)) {
      ASSERT_TRUE(expected.contains(popped));
      EXPECT_LE(expected[popped].first, now);
      expected.erase(popped);
    }
    for (const auto& [number, entry] : expected) {
      ASSERT_GT(entry.first + milliseconds(4), now) << "item " << number << " is overdue";
    }
  }
}

ShardRoute Route(uint64_t shard, uint16_t first, uint16_t last, uint64_t version,
                 const char* leader) {
  return {{ShardId(shard), {sharding::Slot{first}, sharding::Slot{last}}, version}, leader};
}

TEST(RouteTable, FindsTheShardOfASlot) {
  RouteTable routes;
  EXPECT_TRUE(routes.empty());
  EXPECT_EQ(routes.Find(sharding::Slot{5}), nullptr);
  routes.Update({{Route(2, 100, 200, 1, "b"), Route(1, 0, 99, 1, "a")}, {}});
  EXPECT_EQ(routes.Find(sharding::Slot{0})->descriptor.shard, ShardId(1));
  EXPECT_EQ(routes.Find(sharding::Slot{99})->descriptor.shard, ShardId(1));
  EXPECT_EQ(routes.Find(sharding::Slot{100})->descriptor.shard, ShardId(2));
  EXPECT_EQ(routes.Find(sharding::Slot{201}), nullptr) << "a gap is not guessed over";
  EXPECT_EQ(routes.Find(ShardId(2))->leader_endpoint, "b");
}

TEST(RouteTable, LearnsLeadersOfKnownShardsOnly) {
  RouteTable routes;
  routes.Update({{Route(1, 0, 99, 3, "a")}, {}});
  EXPECT_FALSE(routes.Learn({ShardId(9), 1, "x"}));
  EXPECT_FALSE(routes.Learn({ShardId(1), 2, "old"})) << "of an older version";
  EXPECT_FALSE(routes.Learn({ShardId(1), 3, "a"})) << "no news";
  EXPECT_FALSE(routes.Learn({ShardId(1), 3, ""})) << "nobody knows";
  EXPECT_TRUE(routes.Learn({ShardId(1), 3, "b"}));
  EXPECT_EQ(routes.Find(ShardId(1))->leader_endpoint, "b");
  routes.ForgetLeader("b");
  EXPECT_EQ(routes.Find(ShardId(1))->leader_endpoint, "");
}

TEST(RouteTable, ANewerShardOutlivesAnOlderMap) {
  RouteTable routes;
  routes.Update({{Route(1, 0, 49, 5, "a"), Route(2, 50, 99, 5, "b")}, {}});
  routes.Update({{Route(1, 0, 99, 4, "a")}, {}});
  EXPECT_EQ(routes.Find(ShardId(1))->descriptor.version, 5);
  EXPECT_EQ(routes.Find(ShardId(1))->descriptor.arc.last.value, 49);
}

TEST(RouteTable, WhatAMapDoesNotTellOfStaysAsItWasKnown) {
  RouteTable routes;
  routes.Update({{Route(1, 0, 49, 1, "a"), Route(2, 50, 99, 1, "b")}, {}});
  routes.Update({{Route(2, 50, 99, 1, "c"), Route(3, 100, 149, 1, "c")}, {}});
  EXPECT_EQ(routes.Find(sharding::Slot{20})->leader_endpoint, "a");
  EXPECT_EQ(routes.Find(sharding::Slot{70})->leader_endpoint, "c");
  EXPECT_EQ(routes.Find(sharding::Slot{120})->leader_endpoint, "c");
  routes.Update({{Route(4, 0, 99, 2, "d")}, {}});
  EXPECT_EQ(routes.Find(ShardId(1)), nullptr) << "another shard owns its slots";
  EXPECT_EQ(routes.Find(ShardId(2)), nullptr);
  EXPECT_EQ(routes.Find(sharding::Slot{120})->descriptor.shard, ShardId(3));
}

TEST(RouteTable, OfOverlappingClaimsTheNewerHolds) {
  RouteTable routes;
  routes.Update({{Route(1, 0, 99, 4, "a"), Route(2, 50, 99, 5, "b")}, {}});
  EXPECT_EQ(routes.Find(sharding::Slot{70})->descriptor.shard, ShardId(2));
}

TEST(WriteSession, AcknowledgesUpToTheLowestUnansweredWrite) {
  WriteSession session("token", 10, kStart);
  EXPECT_EQ(session.acknowledged_below(), 1);
  const uint64_t first = session.Admit(3, kStart);
  const uint64_t second = session.Admit(7, kStart);
  EXPECT_EQ(session.acknowledged_below(), 3);
  session.End(second);
  EXPECT_EQ(session.acknowledged_below(), 3) << "the first is still open";
  session.End(first);
  EXPECT_EQ(session.acknowledged_below(), 8);
  EXPECT_TRUE(session.idle());
}

TEST(WriteSession, ItsWindowCountsAnswersThatAnOlderWriteHoldsBack) {
  WriteSession session("token", 3, kStart);
  const uint64_t first = session.Admit(1, kStart);
  session.End(session.Admit(2, kStart));
  session.End(session.Admit(3, kStart));
  EXPECT_FALSE(session.HasRoom());
  session.End(first);
  EXPECT_TRUE(session.HasRoom());
}

TEST(WriteSessionDeathTest, AWriteEndsOnce) {
  WriteSession session("token", 3, kStart);
  (void)session.Admit(1, kStart);
  const uint64_t second = session.Admit(2, kStart);
  session.End(second);
  EXPECT_DEATH(session.End(second), "ended");
  EXPECT_DEATH((void)session.Admit(2, kStart), "CHECK failed");
}

TEST(Operation, OfOneSlotNamesAKeyOfIt) {
  EXPECT_EQ(*RoutingKey(Get{"k"}), "k");
  EXPECT_EQ(*RoutingKey(CompareAndSwap{Condition::Absent("c"), "v"}), "c");
  EXPECT_EQ(*RoutingKey(Batch{{Mutation::Put("b", "v")}}), "b");
  EXPECT_EQ(*RoutingKey(Txn{Transaction().Else(Mutation::Delete("t"))}), "t");
  EXPECT_EQ(RoutingKey(Batch{}), nullptr);
  EXPECT_EQ(RoutingKey(Scan{}), nullptr);
}

TEST(ServerError, NamesReasonsAsTheServerDoes) {
  EXPECT_EQ(ToString(Reason::kNoLeader), "NO_LEADER");
  EXPECT_EQ(ToString(Reason::kUnsupported), "UNSUPPORTED");
  EXPECT_EQ(ToString(static_cast<Reason>(77)), "REASON_77");
}

}  // namespace
}  // namespace flotilla::client

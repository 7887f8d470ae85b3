#include "flotilla/future.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla {
namespace {

using std::chrono::milliseconds;

TEST(Future, GivesTheValueThatWasSetBefore) {
  Promise<int> promise;
  Future<int> future = promise.future();
  EXPECT_FALSE(future.ready());
  promise.set(7);
  EXPECT_TRUE(future.ready());
  EXPECT_EQ(future.get(), 7);
  EXPECT_FALSE(future.valid());
}

TEST(Future, WaitsForAnotherThread) {
  for (int i = 0; i < 200; ++i) {
    Promise<std::string> promise;
    Future<std::string> future = promise.future();
    std::thread setter([promise = std::move(promise)]() mutable { promise.set("late"); });
    EXPECT_EQ(future.get(), "late");
    setter.join();
  }
}

TEST(Future, ManyWaitersOfTheirOwnFuturesAllWake) {
  constexpr int kCount = 50;
  std::vector<Promise<int>> promises(kCount);
  std::vector<std::thread> waiters;
  for (int i = 0; i < kCount; ++i) {
    waiters.emplace_back(
        [i, future = promises[i].future()]() mutable { EXPECT_EQ(future.get(), i); });
  }
  for (int i = 0; i < kCount; ++i) promises[i].set(i);
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(Future, WaitForReturnsFalseWhenTheTimeIsUp) {
  Promise<int> promise;
  Future<int> future = promise.future();
  EXPECT_FALSE(future.wait_for(milliseconds(1)));
  promise.set(1);
  EXPECT_TRUE(future.wait_for(milliseconds(0)));
}

TEST(Future, CarriesValuesThatCanOnlyBeMoved) {
  Promise<std::unique_ptr<int>> promise;
  auto future = promise.future();
  promise.set(std::make_unique<int>(5));
  EXPECT_EQ(*future.get(), 5);
}

TEST(Future, AContinuationRunsWhenTheValueComes) {
  Promise<int> promise;
  int seen = 0;
  auto done = promise.future().then([&](int value) { seen = value; });
  EXPECT_EQ(seen, 0);
  promise.set(3);
  EXPECT_EQ(seen, 3);
  EXPECT_TRUE(done.ready());
  done.get();
}

TEST(Future, AContinuationOfAReadyFutureRunsAtOnce) {
  EXPECT_EQ(MakeReadyFuture(20).then([](int value) { return value + 1; }).get(), 21);
}

TEST(Future, AFutureThatAContinuationReturnsIsUnwrapped) {
  Promise<int> inner;
  Future<int> outer = MakeReadyFuture(1).then([&](int) { return inner.future(); });
  EXPECT_FALSE(outer.ready());
  inner.set(9);
  EXPECT_EQ(outer.get(), 9);
}

TEST(Future, ContinuationsOfVoidChain) {
  int steps = 0;
  MakeReadyFuture(1)
      .then([&](int) { ++steps; })
      .then([&] { ++steps; })
      .then([&] { return MakeReadyFuture(2); })
      .then([&](int value) { steps += value; })
      .get();
  EXPECT_EQ(steps, 4);
}

TEST(Future, ADroppedFutureDoesNotDisturbItsPromise) {
  Promise<int> promise;
  (void)promise.future();
  promise.set(1);
}

TEST(Future, WhatAContinuationHoldsIsReleasedAfterItRan) {
  auto token = std::make_shared<int>(1);
  Promise<int> promise;
  auto done = promise.future().then([token](int) {});
  EXPECT_EQ(token.use_count(), 2);
  promise.set(1);
  EXPECT_EQ(token.use_count(), 1);
}

struct Fire {
  struct promise_type {
    Fire get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

Fire Sum(Future<int> a, Future<int> b, int& sum) { sum = co_await a + co_await b; }

TEST(Future, CanBeAwaited) {
  Promise<int> a;
  Promise<int> b;
  int sum = 0;
  Sum(a.future(), b.future(), sum);
  b.set(2);
  EXPECT_EQ(sum, 0);
  a.set(40);
  EXPECT_EQ(sum, 42);
}

TEST(FutureDeathTest, MisuseIsReported) {
  EXPECT_DEATH(
      {
        Future<int> future = MakeReadyFuture(1);
        (void)future.get();
        (void)future.get();
      },
      "gives its result once");
  EXPECT_DEATH({ Promise<int> promise; }, "dropped unfilled");
  EXPECT_DEATH(
      {
        Promise<int> promise;
        promise.set(1);
        promise.set(2);
      },
      "filled twice");
}

}  // namespace
}  // namespace flotilla

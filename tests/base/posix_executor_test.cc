#include "base/posix_executor.h"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/posix_clock.h"
#include "base/posix_sequence.h"
#include <gtest/gtest.h>

namespace flotilla {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class PosixExecutorTest : public ::testing::Test {
 protected:
  // Runs `task` on the executor and waits for it.
  void RunOn(Task task) {
    std::promise<void> ran;
    executor_.Post([&] {
      task();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  PosixClock clock_;
  PosixExecutor executor_{clock_, "test"};
};

TEST_F(PosixExecutorTest, TasksRunInOrderOnOneOtherThread) {
  std::vector<int> order;
  std::thread::id thread;
  for (int i = 0; i < 1000; ++i) {
    executor_.Post([&, i] {
      order.push_back(i);
      thread = std::this_thread::get_id();
    });
  }
  RunOn([] {});
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST_F(PosixExecutorTest, EachPostersTasksStayInOrder) {
  constexpr int kPosters = 4;
  constexpr int kTasks = 2000;
  std::vector<int> next(kPosters, 0);
  std::vector<std::thread> posters;
  for (int poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kTasks; ++i) {
        executor_.Post([&next, poster, i] {
          if (next[static_cast<size_t>(poster)] == i) ++next[static_cast<size_t>(poster)];
        });
      }
    });
  }
  for (std::thread& poster : posters) poster.join();
  RunOn([] {});
  EXPECT_EQ(next, std::vector<int>(kPosters, kTasks));
}

TEST_F(PosixExecutorTest, TimersRunInOrderOfTheirTimesAndNeverEarly) {
  std::promise<void> over;
  std::string order;
  bool early = false;
  executor_.Post([&] {
    const MonoTime now = clock_.Now();
    for (const int delay : {3, 1, 2}) {
      const MonoTime when = now + milliseconds(delay);
      executor_.PostAt(when, [&, delay, when] {
        early |= clock_.Now() < when;
        order += std::to_string(delay);
        if (delay == 3) over.set_value();
      });
    }
  });
  over.get_future().wait();
  EXPECT_EQ(order, "123");
  EXPECT_FALSE(early);
}

TEST_F(PosixExecutorTest, ACancelledTimerIsForgotten) {
  std::promise<void> over;
  bool ran = false;
  executor_.Post([&] {
    const MonoTime now = clock_.Now();
    const TimerId timer = executor_.PostAt(now + milliseconds(1), [&] { ran = true; });
    executor_.PostAt(now + milliseconds(2), [&] { over.set_value(); });
    executor_.Cancel(timer);
    executor_.Cancel(timer);
    executor_.Cancel(0);
  });
  over.get_future().wait();
  EXPECT_FALSE(ran);
}

TEST_F(PosixExecutorTest, APostWakesItFromALongTimer) {
  RunOn([&] { executor_.PostAt(clock_.Now() + hours(1), [] {}); });
  RunOn([] {});
}

TEST_F(PosixExecutorTest, StopForgetsWhatIsLeftAndReleasesIt) {
  auto owned = std::make_shared<int>(0);
  std::promise<void> entered;
  std::promise<void> leave;
  executor_.Post([&] {
    executor_.PostAt(clock_.Now() + hours(1), [owned] {});
    entered.set_value();
    leave.get_future().wait();
  });
  entered.get_future().wait();
  executor_.Post([owned] { ++*owned; });
  std::thread stopper([&] { executor_.Stop(); });
  leave.set_value();
  stopper.join();
  executor_.Post([owned] { ++*owned; });
  EXPECT_EQ(owned.use_count(), 1);
  executor_.Stop();
}

class PosixSequenceTest : public PosixExecutorTest {
 protected:
  PosixSequenceSource source_{{}};
};

TEST_F(PosixSequenceTest, WorkRunsElsewhereAndDoneComesHome) {
  for (const auto use : {SequenceSource::Use::kLog, SequenceSource::Use::kApply,
                         SequenceSource::Use::kRead, SequenceSource::Use::kBulk}) {
    auto sequence = source_.NewSequence(use, executor_);
    std::thread::id home;
    RunOn([&] { home = std::this_thread::get_id(); });
    std::thread::id worked;
    std::promise<std::thread::id> done;
    executor_.Post([&] {
      sequence->Run([&] { worked = std::this_thread::get_id(); },
                    [&] { done.set_value(std::this_thread::get_id()); });
    });
    EXPECT_EQ(done.get_future().get(), home);
    EXPECT_NE(worked, home);
    RunOn([&] { sequence.reset(); });
  }
}

TEST_F(PosixSequenceTest, JobsOfOneSequenceStayInOrderWhileOthersRunBeside) {
  constexpr size_t kSequences = 8;
  constexpr int kJobs = 500;
  std::vector<std::unique_ptr<Sequence>> sequences;
  std::vector<std::vector<int>> worked(kSequences);
  std::vector<std::vector<int>> done(kSequences);
  std::promise<void> over;
  size_t left = kSequences;
  for (size_t i = 0; i < kSequences; ++i) {
    sequences.push_back(source_.NewSequence(SequenceSource::Use::kApply, executor_));
  }
  executor_.Post([&] {
    for (int job = 0; job < kJobs; ++job) {
      for (size_t i = 0; i < kSequences; ++i) {
        sequences[i]->Run([&, i, job] { worked[i].push_back(job); },
                          [&, i, job] {
                            done[i].push_back(job);
                            if (job == kJobs - 1 && --left == 0) over.set_value();
                          });
      }
    }
  });
  over.get_future().wait();
  executor_.Stop();
  std::vector<int> expected;
  for (int job = 0; job < kJobs; ++job) expected.push_back(job);
  for (size_t i = 0; i < kSequences; ++i) {
    EXPECT_EQ(worked[i], expected);
    EXPECT_EQ(done[i], expected);
  }
}

TEST_F(PosixSequenceTest, TwoLogsDoNotWaitForEachOther) {
  const auto stuck = source_.NewSequence(SequenceSource::Use::kLog, executor_);
  const auto free = source_.NewSequence(SequenceSource::Use::kLog, executor_);
  std::promise<void> release;
  std::promise<void> done;
  executor_.Post([&] {
    stuck->Run([&] { release.get_future().wait(); }, [] {});
    free->Run([] {}, [&] { done.set_value(); });
  });
  done.get_future().wait();
  release.set_value();
  executor_.Stop();
}

TEST_F(PosixSequenceTest, DestroyingASequenceWaitsForTheRunningJob) {
  auto sequence = source_.NewSequence(SequenceSource::Use::kBulk, executor_);
  std::promise<void> entered;
  std::promise<void> release;
  bool finished = false;
  bool done = false;
  RunOn([&] {
    sequence->Run(
        [&] {
          entered.set_value();
          release.get_future().wait();
          finished = true;
        },
        [&] { done = true; });
  });
  entered.get_future().wait();
  std::thread releaser([&] { release.set_value(); });
  RunOn([&] {
    sequence.reset();
    EXPECT_TRUE(finished);
    done = false;  // it may have come home before
  });
  releaser.join();
  RunOn([] {});
  EXPECT_FALSE(done);
}

TEST_F(PosixSequenceTest, DestroyingASequenceDropsWhatHasNotBegun) {
  PosixSequenceSource source({.bulk_threads = 1});
  auto blocker = source.NewSequence(SequenceSource::Use::kBulk, executor_);
  auto sequence = source.NewSequence(SequenceSource::Use::kBulk, executor_);
  std::promise<void> release;
  std::promise<void> released;
  bool ran = false;
  RunOn([&] {
    blocker->Run([&] { release.get_future().wait(); }, [&] { released.set_value(); });
    sequence->Run([&] { ran = true; }, [&] { ran = true; });
    sequence.reset();
  });
  release.set_value();
  released.get_future().wait();
  RunOn([] {});
  EXPECT_FALSE(ran);
  RunOn([&] { blocker.reset(); });
}

}  // namespace
}  // namespace flotilla

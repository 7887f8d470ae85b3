#include "base/posix_sequence.h"

#include <pthread.h>

#include <atomic>
#include <deque>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace flotilla {

namespace {

struct Job {
  Task work;
  Task done;
};

}  // namespace

// Threads that run the jobs of many sequences.
class PosixSequenceSource::Pool {
 public:
  // One sequence, as the pool sees it. All but `cancelled` and `batch` belong to the pool's lock.
  struct Lane {
    Executor* home = nullptr;
    std::vector<Job> queued;
    // Has a place in `ready_` or is being run.
    bool scheduled = false;
    bool running = false;
    std::atomic<bool> cancelled = false;
    // What is being run; the running thread's while `running`.
    std::vector<Job> batch;
    // Shared with what is on its way to the home executor, and used only there.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  };

  Pool(const std::string& name, int threads) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { Run(); });
      pthread_setname_np(threads_.back().native_handle(), name.c_str());
    }
  }

  ~Pool() {
    {
      MutexLock lock(mu_);
      stopped_ = true;
    }
    work_ready_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }

  void Add(Lane& lane, Job job) {
    bool wake = false;
    {
      MutexLock lock(mu_);
      lane.queued.push_back(std::move(job));
      if (!std::exchange(lane.scheduled, true)) {
        ready_.push_back(&lane);
        wake = idle_ > 0;
      }
    }
    if (wake) work_ready_.NotifyOne();
  }

  // Returns when no job of the lane runs and none will.
  void Retire(Lane& lane) {
    lane.cancelled.store(true, std::memory_order_relaxed);
    MutexLock lock(mu_);
    while (lane.running) lane_over_.Wait(mu_);
    std::erase(ready_, &lane);
  }

 private:
  void Run() {
    MutexLock lock(mu_);
    for (;;) {
      while (ready_.empty() && !stopped_) {
        ++idle_;
        work_ready_.Wait(mu_);
        --idle_;
      }
      if (stopped_) return;
      Lane& lane = *ready_.front();
      ready_.pop_front();
      RunLane(lane);
    }
  }

  void RunLane(Lane& lane) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    lane.batch.swap(lane.queued);
    lane.running = true;
    mu_.Unlock();
    RunBatch(lane);
    mu_.Lock();
    lane.running = false;
    if (lane.cancelled.load(std::memory_order_relaxed)) {
      lane_over_.NotifyAll();
      return;
    }
    lane.scheduled = !lane.queued.empty();
    // Behind the others: a busy sequence does not starve them.
    if (lane.scheduled) ready_.push_back(&lane);
  }

  static void RunBatch(Lane& lane) {
    for (Job& job : lane.batch) {
      // What is left is destroyed by the sequence's owner.
      if (lane.cancelled.load(std::memory_order_relaxed)) return;
      job.work();
      job.work = nullptr;
      lane.home->Post([alive = lane.alive, done = std::move(job.done)]() mutable {
        if (*alive) done();
      });
    }
    lane.batch.clear();
  }

  Mutex mu_;
  CondVar work_ready_;
  CondVar lane_over_;
  std::deque<Lane*> ready_ ABSL_GUARDED_BY(mu_);
  int idle_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

class PosixSequenceSource::PoolSequence : public Sequence {
 public:
  PoolSequence(std::shared_ptr<Pool> pool, Executor& home) : pool_(std::move(pool)) {
    lane_.home = &home;
  }
  ~PoolSequence() override {
    pool_->Retire(lane_);
    *lane_.alive = false;
  }

  void Run(Task work, Task done) override {
    pool_->Add(lane_, {.work = std::move(work), .done = std::move(done)});
  }

 private:
  const std::shared_ptr<Pool> pool_;
  Pool::Lane lane_;
};

PosixSequenceSource::PosixSequenceSource(const Options& options)
    : apply_(std::make_shared<Pool>("apply", options.apply_threads)),
      read_(std::make_shared<Pool>("read", options.read_threads)),
      bulk_(std::make_shared<Pool>("bulk", options.bulk_threads)) {}

PosixSequenceSource::~PosixSequenceSource() = default;

std::unique_ptr<Sequence> PosixSequenceSource::NewSequence(Use use, Executor& home) {
  switch (use) {
    case Use::kLog:
      return std::make_unique<PoolSequence>(std::make_shared<Pool>("log", 1), home);
    case Use::kApply:
      return std::make_unique<PoolSequence>(apply_, home);
    case Use::kRead:
      return std::make_unique<PoolSequence>(read_, home);
    case Use::kBulk:
      return std::make_unique<PoolSequence>(bulk_, home);
  }
  return nullptr;
}

}  // namespace flotilla

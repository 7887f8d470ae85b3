#include "bench/load.h"

#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/posix_clock.h"
#include "base/status_macros.h"
#include "bench/process_cpu.h"

namespace flotilla::bench {

namespace {

// What the callers share. An operation counts when its answer comes within the measured span.
class Run {
 public:
  Run(Store& store, const Workload& workload, LoadResult& result)
      : store_(store), workload_(workload), result_(result) {}

  Store& store() { return store_; }
  Operation Draw(Random& random) const { return workload_.Draw(random); }
  MonoTime Now() const { return clock_.Now(); }

  void Begin() { measuring_ = true; }
  void End() { measuring_ = false; }
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  void Answer(MonoTime started, const absl::Status& status) {
    if (!measuring_.load(std::memory_order_relaxed)) return;
    if (status.ok()) {
      result_.latencies.Record(Now() - started);
    } else {
      MutexLock lock(mu_);
      if (result_.failures++ == 0) result_.first_failure = status;
    }
  }

 private:
  Store& store_;
  const Workload& workload_;
  const PosixClock clock_;
  std::atomic<bool> measuring_{false};
  std::atomic<bool> stopped_{false};
  Mutex mu_;  // guards the failures in result_
  LoadResult& result_;
};

class Callers {
 public:
  virtual ~Callers() = default;
  // Returns when each has had the answer to its last operation. Precondition: the run is stopped.
  virtual void Join() = 0;
};

class ThreadCallers final : public Callers {
 public:
  ThreadCallers(Run& run, int count) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([&run, random = Random(i)]() mutable {
        while (!run.stopped()) {
          Operation operation = run.Draw(random);
          const MonoTime started = run.Now();
          run.Answer(started, run.store().Execute(std::move(operation)));
        }
      });
    }
  }
  void Join() override {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::vector<std::thread> threads_;
};

class EventCallers final : public Callers {
 public:
  EventCallers(Run& run, int count) : run_(run), finished_(count) {
    for (int i = 0; i < count; ++i) callers_.push_back(std::make_unique<Caller>(Random(i)));
    for (const auto& caller : callers_) Send(*caller);
  }
  void Join() override { finished_.wait(); }

 private:
  struct Caller {
    explicit Caller(Random r) : random(r) {}
    Random random;
    MonoTime started;
  };

  void Send(Caller& caller) {
    if (run_.stopped()) return finished_.count_down();
    Operation operation = run_.Draw(caller.random);
    caller.started = run_.Now();
    run_.store().Start(std::move(operation), [this, &caller](const absl::Status& status) {
      run_.Answer(caller.started, status);
      Send(caller);
    });
  }

  Run& run_;
  std::latch finished_;
  std::vector<std::unique_ptr<Caller>> callers_;
};

std::unique_ptr<Callers> StartCallers(Run& run, const LoadOptions& options) {
  if (options.style == CallStyle::kThreads) {
    return std::make_unique<ThreadCallers>(run, options.callers);
  }
  return std::make_unique<EventCallers>(run, options.callers);
}

absl::Status Measure(Run& run, const LoadOptions& options, LoadResult& result) {
  std::this_thread::sleep_for(options.warm_up);
  FLOTILLA_ASSIGN_OR_RETURN(const Duration servers_before, CpuTimeOf(options.servers));
  const Duration generator_before = OwnCpuTime();
  const MonoTime begin = run.Now();
  run.Begin();
  std::this_thread::sleep_for(options.measured);
  run.End();
  result.span = run.Now() - begin;
  FLOTILLA_ASSIGN_OR_RETURN(const Duration servers_after, CpuTimeOf(options.servers));
  result.server_cpu = servers_after - servers_before;
  result.generator_cpu = OwnCpuTime() - generator_before;
  return absl::OkStatus();
}

}  // namespace

absl::Status RunLoad(Store& store, const Workload& workload, const LoadOptions& options,
                     LoadResult* result) {
  Run run(store, workload, *result);
  const std::unique_ptr<Callers> callers = StartCallers(run, options);
  absl::Status measured = Measure(run, options, *result);
  run.Stop();
  callers->Join();
  return measured;
}

}  // namespace flotilla::bench

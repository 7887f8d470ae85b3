#include "client/grpc_event_loop.h"

#include <algorithm>

#include "base/check.h"
#include "client/threads_blocking.h"
#include <grpc/support/time.h>

namespace flotilla::client {

namespace {

// An upper bound of one wait, so that the thread looks up now and then whatever happens.
constexpr Duration kLongestWait = std::chrono::seconds(10);
// Then it is the turn of calls and timers again.
constexpr int kEventsPerTurn = 64;

gpr_timespec After(Duration wait) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(wait.count(), GPR_TIMESPAN));
}

}  // namespace

GrpcEventLoop::GrpcEventLoop(const Clock& clock, Task turn)
    : clock_(clock), turn_(std::move(turn)) {}

GrpcEventLoop::~GrpcEventLoop() { FLOTILLA_CHECK(!thread_.joinable()); }

void GrpcEventLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void GrpcEventLoop::Stop(Task last) {
  Post([this, last = std::move(last)]() mutable {
    last();
    stopping_ = true;
  });
  stopped_.get_future().wait();
  // Here and not on the thread: Post may be about to set the alarm when `last` has long been run,
  // and gRPC aborts when an alarm is set on a queue that is shut down.
  queue_.Shutdown();
  thread_.join();
}

void GrpcEventLoop::Wake() {
  wanted_.store(true);
  if (!sleeping_.exchange(false)) return;
  // The previous alarm may still be on its way; then it serves for this wake-up too.
  if (alarm_set_.exchange(true)) return;
  alarm_.Set(&queue_, gpr_time_0(GPR_CLOCK_MONOTONIC), static_cast<CompletionEvent*>(&wake_up_));
}

void GrpcEventLoop::Post(Task task) {
  {
    MutexLock lock(mu_);
    posted_.push_back(std::move(task));
  }
  Wake();
}

TimerId GrpcEventLoop::PostAt(MonoTime when, Task task) {
  const TimerId id = next_timer_++;
  timers_.emplace(TimerKey{when, id}, std::move(task));
  timer_times_.emplace(id, when);
  return id;
}

void GrpcEventLoop::Cancel(TimerId timer) {
  auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase(TimerKey{found->second, timer});
  timer_times_.erase(found);
}

void GrpcEventLoop::Run() {
  ForbidWaitingOnThisThread();
  while (!stopping_) {
    wanted_.store(false);
    turn_();
    RunPosted();
    RunTimers();
    if (!stopping_) Poll();
  }
  stopped_.set_value();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) static_cast<CompletionEvent*>(tag)->OnCompletion(ok);
}

void GrpcEventLoop::RunPosted() {
  std::vector<Task> tasks;
  {
    MutexLock lock(mu_);
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
}

void GrpcEventLoop::RunTimers() {
  const MonoTime now = clock_.Now();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    Task task = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    task();
  }
}

gpr_timespec GrpcEventLoop::NextDeadline() const {
  if (timers_.empty()) return After(kLongestWait);
  const Duration wait = timers_.begin()->first.first - clock_.Now();
  return After(std::clamp(wait, Duration(0), kLongestWait));
}

void GrpcEventLoop::Poll() {
  sleeping_.store(true);
  const bool busy = wanted_.load();
  gpr_timespec deadline = busy ? gpr_time_0(GPR_CLOCK_MONOTONIC) : NextDeadline();
  for (int events = 0; events < kEventsPerTurn; ++events) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue_.AsyncNext(&tag, &ok, deadline);
    sleeping_.store(false);
    if (next != grpc::CompletionQueue::GOT_EVENT) return;
    static_cast<CompletionEvent*>(tag)->OnCompletion(ok);
    deadline = gpr_time_0(GPR_CLOCK_MONOTONIC);
  }
}

}  // namespace flotilla::client

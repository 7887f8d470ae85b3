// The one thread of a client: it waits on a gRPC completion queue and is the executor that the core
// lives on, so that an answer goes from the socket to the waiting caller without a hand-off.
#ifndef FLOTILLA_CLIENT_GRPC_EVENT_LOOP_H_
#define FLOTILLA_CLIENT_GRPC_EVENT_LOOP_H_

#include <atomic>
#include <future>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

namespace flotilla::client {

// What a tag of the completion queue points to.
class CompletionEvent {
 public:
  virtual void OnCompletion(bool ok) = 0;

 protected:
  ~CompletionEvent() = default;
};

// Post and Wake are thread-safe; all else happens on the loop's thread.
class GrpcEventLoop final : public Executor {
 public:
  // `turn` runs on the loop's thread, once after every Wake and before it sleeps. The clock
  // outlives the loop. The thread begins with Start.
  GrpcEventLoop(const Clock& clock, Task turn);
  // Precondition: Stop was called, or Start was not.
  ~GrpcEventLoop() override;

  void Start();
  // Runs `last` on the thread, then lets it end: everything that holds a tag must be on its way to
  // completion after `last`. Waits for the end of the thread.
  void Stop(Task last);

  // Makes a turn happen soon. Cheap while the thread is busy.
  void Wake();

  void Post(Task task) override;
  TimerId PostAt(MonoTime when, Task task) override;
  void Cancel(TimerId timer) override;

  grpc::CompletionQueue& queue() { return queue_; }

 private:
  class WakeUp final : public CompletionEvent {
   public:
    explicit WakeUp(GrpcEventLoop& loop) : loop_(loop) {}
    void OnCompletion(bool) override { loop_.alarm_set_.store(false); }

   private:
    GrpcEventLoop& loop_;
  };

  void Run();
  void RunPosted();
  void RunTimers();
  // Waits for an event, at most until the next timer, and handles all that are there.
  void Poll();
  gpr_timespec NextDeadline() const;

  const Clock& clock_;
  Task turn_;
  grpc::CompletionQueue queue_;
  std::thread thread_;
  bool stopping_ = false;       // on the thread
  std::promise<void> stopped_;  // the thread begins nothing any more

  // Wake: the waker sets wanted_ and then looks at sleeping_, the sleeper the other way round, so
  // that at least one of them sees the other.
  std::atomic<bool> wanted_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<bool> alarm_set_{false};
  grpc::Alarm alarm_;
  WakeUp wake_up_{*this};

  Mutex mu_;
  std::vector<Task> posted_ ABSL_GUARDED_BY(mu_);

  using TimerKey = std::pair<MonoTime, TimerId>;
  std::map<TimerKey, Task> timers_;
  std::map<TimerId, MonoTime> timer_times_;
  TimerId next_timer_ = 1;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_GRPC_EVENT_LOOP_H_

// The Executor of one life of one simulated node: every task and timer is an event of the world.
// Stop is the node's death: what was posted is forgotten and nothing is accepted any more.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_EXECUTOR_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_EXECUTOR_H_

#include <deque>

#include "absl/container/flat_hash_map.h"
#include "base/executor.h"
#include "base/random.h"
#include "tests/simulation/sim_clock.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

class SimExecutor : public Executor {
 public:
  struct Options {
    // Mean of the drawn time from Post to the task; zero runs it in the same instant.
    Duration post_delay_mean{};
    // Mean by which timers are late.
    Duration timer_delay_mean{};
  };

  // World and clock outlive the executor.
  SimExecutor(SimWorld& world, const SimClock& clock, NodeIndex node, const Options& options,
              Random random)
      : world_(world), clock_(clock), node_(node), options_(options), random_(random) {}
  ~SimExecutor() override { Stop(); }

  void Post(Task task) override;
  TimerId PostAt(MonoTime when, Task task) override;
  void Cancel(TimerId timer) override;

  // The process is not scheduled before `until` (SIGSTOP, a long pause): tasks and timers that
  // become due meanwhile run then, in order. An earlier time than before ends the stall then.
  void Stall(Duration until);
  // How often a stall made something wait.
  uint64_t held_back() const { return held_back_; }

  void Stop();
  bool stopped() const { return stopped_; }

 private:
  struct Timer {
    MonoTime when;
    Task task;
    EventId event = 0;
  };

  Duration Draw(Duration mean);
  void RunTask(Task task);
  void ReleaseAt(Duration when);
  void ReleaseOne();
  void Arm(TimerId id, Timer& timer);
  void Fire(TimerId id);

  SimWorld& world_;
  const SimClock& clock_;
  const NodeIndex node_;
  const Options options_;
  Random random_;
  // Posted tasks keep their order although each draws its delay.
  Duration last_post_{};
  Duration stalled_until_{};
  uint64_t held_back_ = 0;
  // Tasks that became due in a stall, in order, or after others that did.
  std::deque<Task> held_;
  // Kept here because a clock that slows down meanwhile makes an event due too early.
  absl::flat_hash_map<TimerId, Timer> timers_;
  TimerId next_timer_ = 1;
  bool stopped_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_EXECUTOR_H_

#include "tests/simulation/sim_sequence.h"

#include <deque>
#include <utility>

namespace flotilla::simulation {

struct SimSequenceSource::Shared {
  SimWorld& world;
  const NodeIndex node;
  const SimSequenceOptions options;
  Random random;

  Duration Draw(Duration mean) {
    return mean == Duration::zero() ? mean : random.Exponential(mean);
  }
};

class SimSequenceSource::SimSequence : public Sequence {
 public:
  SimSequence(std::shared_ptr<Shared> shared, Executor& home)
      : shared_(std::move(shared)), home_(home), alive_(std::make_shared<bool>(true)) {}

  ~SimSequence() override {
    *alive_ = false;
    shared_->world.Cancel(next_work_);
    if (!jobs_.empty() && next_work_ != 0 && shared_->random.Chance(1, 2)) jobs_.front().work();
  }

  void Run(Task work, Task done) override {
    jobs_.push_back({.work = std::move(work), .done = std::move(done)});
    if (!busy_) ScheduleWork();
  }

 private:
  struct Job {
    Task work;
    Task done;
  };

  void ScheduleWork() {
    busy_ = true;
    next_work_ = shared_->world.After(shared_->Draw(shared_->options.work_delay_mean),
                                      EventKind::kWork, shared_->node, [this] { DoWork(); });
  }

  void DoWork() {
    next_work_ = 0;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    job.work();
    const Duration spent =
        shared_->options.take_latency ? shared_->options.take_latency() : Duration::zero();
    shared_->world.After(spent + shared_->Draw(shared_->options.done_delay_mean), EventKind::kWork,
                         shared_->node,
                         [this, alive = alive_, done = std::move(job.done)]() mutable {
                           if (*alive) Finish(std::move(done));
                         });
  }

  // The next job begins when the one before it has spent its time.
  void Finish(Task done) {
    home_.Post([alive = alive_, run = std::move(done)]() mutable {
      if (*alive) run();
    });
    busy_ = false;
    if (!jobs_.empty()) ScheduleWork();
  }

  const std::shared_ptr<Shared> shared_;
  Executor& home_;
  // Shared with what is on its way to the home executor: nothing of a destroyed sequence runs.
  const std::shared_ptr<bool> alive_;
  std::deque<Job> jobs_;
  EventId next_work_ = 0;
  bool busy_ = false;
};

SimSequenceSource::SimSequenceSource(SimWorld& world, NodeIndex node, SimSequenceOptions options,
                                     Random random)
    : shared_(std::make_shared<Shared>(
          Shared{.world = world, .node = node, .options = std::move(options), .random = random})) {}

std::unique_ptr<Sequence> SimSequenceSource::NewSequence(Use, Executor& home) {
  return std::make_unique<SimSequence>(shared_, home);
}

}  // namespace flotilla::simulation

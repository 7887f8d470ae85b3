// SequenceSource on the event queue: a job's `work` runs inline, all at once, at a drawn later
// time; its `done` comes to the home executor after another delay, to which the disk calls made by
// the work add theirs. So completions of different sequences overtake each other as they do on
// threads, and a crash falls between an effect and its report.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_SEQUENCE_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_SEQUENCE_H_

#include <functional>
#include <memory>

#include "base/executor.h"
#include "base/random.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct SimSequenceOptions {
  Duration work_delay_mean{};  // from being next in line to `work`
  Duration done_delay_mean{};  // from `work` to `done`
  // Time that the work spent, as its disk knows it; asked after every job. May be null.
  std::function<Duration()> take_latency;
};

class SimSequenceSource : public SequenceSource {
 public:
  SimSequenceSource(SimWorld& world, NodeIndex node, SimSequenceOptions options, Random random);

  // The sequence must go before its source's world, as everything of a node does. Destroying it
  // either drops the next job or, drawn, runs its work first (on threads it may have begun).
  std::unique_ptr<Sequence> NewSequence(Use use, Executor& home) override;

 private:
  struct Shared;
  class SimSequence;

  std::shared_ptr<Shared> shared_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_SEQUENCE_H_

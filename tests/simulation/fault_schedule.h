// Every fault that a run injects, numbered from 0 in the order in which they come. A fault is drawn
// from a stream that depends on the seed and its number only, and it takes its number whether there
// is anything to break or not. So the faults of a seed stay the same when some are skipped, and a
// failing run can be repeated with fewer and fewer of them.
#ifndef FLOTILLA_TESTS_SIMULATION_FAULT_SCHEDULE_H_
#define FLOTILLA_TESTS_SIMULATION_FAULT_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

class FaultSchedule {
 public:
  // One fault. It draws all that it needs from `random`, then calls Begin once, and breaks
  // something only if that says so.
  using Fault = std::function<void(Random& random)>;

  // World and record outlive the schedule; `skipped` are the numbers of faults not to carry out.
  FaultSchedule(SimWorld& world, RunRecord& record, std::set<uint64_t> skipped = {})
      : world_(world), record_(record), skipped_(std::move(skipped)) {}

  // From Start on `fault` comes again and again, `mean` apart on average; never when that is zero.
  void Add(std::string_view name, Duration mean, Fault fault);
  void Start();
  // No more faults. What is broken stays so.
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  // A fault out of turn.
  void Inject(const Fault& fault);

  // The fault that is being injected is `what`. False: it is one of those to skip.
  bool Begin(const std::string& what);
  // How many there were so far: the number of the next one.
  uint64_t count() const { return count_; }

 private:
  struct Class {
    Random random;
    Duration mean{};
    Fault fault;
  };

  void Schedule(size_t index);

  SimWorld& world_;
  RunRecord& record_;
  const std::set<uint64_t> skipped_;
  std::vector<Class> classes_;
  uint64_t count_ = 0;
  bool begun_ = true;
  bool stopped_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_FAULT_SCHEDULE_H_

// What one run of one seed leaves behind: whether an invariant broke, which situations were seen
// (coverage marks), and with tracing on, a line for everything worth a line.
#ifndef FLOTILLA_TESTS_SIMULATION_RUN_RECORD_H_
#define FLOTILLA_TESTS_SIMULATION_RUN_RECORD_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

class RunRecord {
 public:
  // The world outlives the record. With a `trace`, lines are written to it as they come.
  explicit RunRecord(const SimWorld& world, std::FILE* trace = nullptr)
      : world_(world), trace_(trace) {}

  // An invariant is broken; the first failure is the one that counts.
  void Fail(std::string what);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  // A situation that a sweep must have seen.
  void Mark(std::string_view name) { ++marks_[std::string(name)]; }
  const std::map<std::string, uint64_t>& marks() const { return marks_; }

  bool tracing() const { return trace_ != nullptr; }
  void Trace(std::string_view line) const;

 private:
  const SimWorld& world_;
  std::FILE* const trace_;
  std::string failure_;
  std::map<std::string, uint64_t> marks_;
};

// What is run.
struct RunRequest {
  uint64_t seed = 0;
  std::FILE* trace = nullptr;    // where lines about what happens go
  std::FILE* history = nullptr;  // where what clients did and saw goes
  // Numbers of faults not to carry out (fault_schedule.h).
  std::set<uint64_t> skipped_faults{};
};

// What came of it.
struct RunResult {
  uint64_t seed = 0;
  std::string failure;  // empty: none
  uint64_t hash = 0;
  uint64_t events = 0;
  // How many were drawn, skipped ones included: they have the numbers below this one.
  uint64_t faults = 0;
  Duration virtual_time{};
  // Operations of clients, and those of them that were acknowledged.
  uint64_t ops = 0;
  uint64_t acked = 0;
  std::map<std::string, uint64_t> marks;
  // Run twice, and whether the second run came out otherwise; filled by a sweep.
  bool replayed = false;
  bool nondeterministic = false;

  bool failed() const { return !failure.empty(); }
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RUN_RECORD_H_

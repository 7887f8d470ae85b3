#include "tests/simulation/fault_schedule.h"

#include "base/check.h"

namespace flotilla::simulation {

void FaultSchedule::Add(std::string_view name, Duration mean, Fault fault) {
  if (mean == Duration::zero()) return;
  classes_.push_back({.random = world_.Stream("fault class " + std::string(name)),
                      .mean = mean,
                      .fault = std::move(fault)});
}

void FaultSchedule::Start() {
  for (size_t index = 0; index < classes_.size(); ++index) Schedule(index);
}

void FaultSchedule::Schedule(size_t index) {
  Class& due = classes_[index];
  world_.After(due.random.Exponential(due.mean), EventKind::kWorld, kWorldNode, [this, index] {
    if (stopped_) return;
    Inject(classes_[index].fault);
    Schedule(index);
  });
}

void FaultSchedule::Inject(const Fault& fault) {
  begun_ = false;
  Random random = world_.Stream("fault", count_);
  fault(random);
  // A fault without a number would shift those of all that follow.
  FLOTILLA_CHECK(begun_);
}

bool FaultSchedule::Begin(const std::string& what) {
  FLOTILLA_CHECK(!begun_);
  begun_ = true;
  const uint64_t number = count_++;
  const bool skip = skipped_.contains(number);
  if (record_.tracing()) {
    record_.Trace("fault " + std::to_string(number) + ": " + what + (skip ? " (skipped)" : ""));
  }
  return !skip;
}

}  // namespace flotilla::simulation

#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

void RunRecord::Fail(std::string what) {
  Trace("FAILED: " + what);
  if (failure_.empty()) failure_ = std::move(what);
}

void RunRecord::Trace(std::string_view line) const {
  if (trace_ == nullptr) return;
  const double seconds = static_cast<double>(world_.now().count()) * 1e-9;
  std::fprintf(trace_, "%11.6f  %.*s\n", seconds, static_cast<int>(line.size()), line.data());
}

}  // namespace flotilla::simulation

// A node's clock: true (virtual) time, run at a rate of its own; the wall clock is also wrong by an
// offset and can jump. The monotonic clock never goes back, whatever is done to it.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_CLOCK_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_CLOCK_H_

#include "base/clock.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

class SimClock : public Clock {
 public:
  // The world outlives the clock.
  explicit SimClock(const SimWorld& world) : world_(world), anchor_true_(world.now()) {}

  MonoTime Now() const override;
  WallTime WallNow() const override;

  // Parts per million of true speed: 1'000'000 is right, 1'010'000 gains a hundredth.
  void SetRate(int64_t rate_ppm);
  void JumpWall(Duration by) { wall_offset_ += by; }
  // The machine starts anew: the monotonic clock counts from `start`.
  void Reboot(MonoTime start);

  // The earliest true time at which Now() shows `when`, if the rate stays as it is.
  Duration TrueTimeOf(MonoTime when) const;

 private:
  const SimWorld& world_;
  int64_t rate_ppm_ = 1'000'000;
  // The last instant at which the rate changed, on both clocks.
  Duration anchor_true_;
  MonoTime anchor_mono_{std::chrono::hours(1)};
  // What the wall clock shows more than the monotonic one.
  Duration wall_offset_ = std::chrono::hours(24 * 365 * 56);
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_CLOCK_H_

// The world of a simulation: one thread, virtual time that jumps from event to event, randomness
// from one seed, and a running hash of everything that happens. Two runs of one seed have the same
// hash after every event, or something in the tree is not deterministic.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_WORLD_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_WORLD_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "tests/simulation/event_queue.h"

namespace flotilla::simulation {

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed) : seed_(seed), hash_(seed) {}
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  // Since the world began.
  Duration now() const { return now_; }
  uint64_t seed() const { return seed_; }

  // A stream of randomness that depends on the seed, the name and the number only: what one
  // subsystem draws does not shift another.
  Random Stream(std::string_view name, uint64_t number = 0) const;

  // Runs `task` at `when` (or now, if that has passed).
  EventId At(Duration when, EventKind kind, NodeIndex node, Task task, uint32_t payload_crc = 0);
  EventId After(Duration delay, EventKind kind, NodeIndex node, Task task,
                uint32_t payload_crc = 0) {
    return At(now_ + delay, kind, node, std::move(task), payload_crc);
  }
  void Cancel(EventId id) { queue_.Cancel(id); }
  void CancelNode(NodeIndex node) { queue_.CancelNode(node); }

  // Runs `task` when the current event is over, before the next one; at once between events. For
  // killing a node from within a call that the node made.
  void AtEndOfEvent(Task task);

  // Runs the next event. False when there is none.
  bool Step();
  // Runs all events due up to `time` and leaves the clock there.
  void RunUntil(Duration time);
  void RunFor(Duration time) { RunUntil(now_ + time); }

  // Makes a fact part of the hash.
  void Note(uint64_t fact) { hash_ = Mix(hash_, fact); }
  uint64_t hash() const { return hash_; }
  uint64_t events() const { return events_; }
  size_t pending() const { return queue_.size(); }

 private:
  static uint64_t Mix(uint64_t hash, uint64_t fact);
  void RunEndOfEvent();

  const uint64_t seed_;
  Duration now_{};
  EventQueue queue_;
  uint64_t hash_;
  uint64_t events_ = 0;
  uint64_t events_this_instant_ = 0;
  bool in_event_ = false;
  bool ending_event_ = false;
  std::vector<Task> end_of_event_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_WORLD_H_

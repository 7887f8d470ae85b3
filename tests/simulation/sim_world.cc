#include "tests/simulation/sim_world.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"

namespace flotilla::simulation {

namespace {

// More than any instant can need: something waits for itself.
constexpr uint64_t kEventsPerInstantMax = 1'000'000;

}  // namespace

Random SimWorld::Stream(std::string_view name, uint64_t number) const {
  return Random(Mix(Mix(seed_, Crc32c(name)), number));
}

EventId SimWorld::At(Duration when, EventKind kind, NodeIndex node, Task task,
                     uint32_t payload_crc) {
  return queue_.Add({.time = std::max(when, now_),
                     .kind = kind,
                     .node = node,
                     .payload_crc = payload_crc,
                     .task = std::move(task)});
}

void SimWorld::AtEndOfEvent(Task task) {
  end_of_event_.push_back(std::move(task));
  if (!in_event_ && !ending_event_) RunEndOfEvent();
}

bool SimWorld::Step() {
  FLOTILLA_CHECK_MSG(!in_event_, "an event must not run the world");
  std::optional<Event> event = queue_.Take();
  if (!event.has_value()) return false;
  events_this_instant_ = event->time == now_ ? events_this_instant_ + 1 : 0;
  FLOTILLA_CHECK_MSG(events_this_instant_ < kEventsPerInstantMax, "virtual time stands still");
  now_ = event->time;
  ++events_;
  Note(static_cast<uint64_t>(now_.count()));
  Note(uint64_t{event->payload_crc} << 32 | uint64_t{event->node} << 3 |
       static_cast<uint64_t>(event->kind));
  in_event_ = true;
  event->task();
  event.reset();
  in_event_ = false;
  RunEndOfEvent();
  return true;
}

void SimWorld::RunUntil(Duration time) {
  for (std::optional<Duration> next = queue_.NextTime(); next.has_value() && *next <= time;
       next = queue_.NextTime()) {
    Step();
  }
  now_ = std::max(now_, time);
}

uint64_t SimWorld::Mix(uint64_t hash, uint64_t fact) {
  return std::rotl(hash ^ (fact * 0x9e3779b97f4a7c15), 29) * 0xbf58476d1ce4e5b9 + 1;
}

void SimWorld::RunEndOfEvent() {
  // A task may add another, which this loop reaches: by index, and each is moved out before it
  // runs.
  ending_event_ = true;
  for (size_t i = 0; i < end_of_event_.size(); ++i) {
    Task task = std::move(end_of_event_[i]);
    task();
  }
  end_of_event_.clear();
  ending_event_ = false;
}

}  // namespace flotilla::simulation

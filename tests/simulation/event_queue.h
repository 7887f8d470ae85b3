// What is going to happen in a simulated world, in order of virtual time; events of one instant run
// in the order in which they were added. Plain data structure: knows nothing of nodes or time's
// passage beyond what its events carry.
#ifndef FLOTILLA_TESTS_SIMULATION_EVENT_QUEUE_H_
#define FLOTILLA_TESTS_SIMULATION_EVENT_QUEUE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"

namespace flotilla::simulation {

// A machine of the world, numbered from 0; or the world itself (faults, clients, checks).
using NodeIndex = uint32_t;
inline constexpr NodeIndex kWorldNode = UINT32_MAX;

enum class EventKind : uint8_t { kTask, kTimer, kWork, kMessage, kPeerLost, kWorld };

struct Event {
  Duration time{};  // since the world began
  EventKind kind = EventKind::kTask;
  NodeIndex node = kWorldNode;
  // Of what the event carries; makes runs that differ only in bytes have different hashes.
  uint32_t payload_crc = 0;
  Task task;
};

// Names a pending event; 0 is never one.
using EventId = uint64_t;

class EventQueue {
 public:
  EventId Add(Event event);
  // Forgets an event; does nothing when it has been taken or never was.
  void Cancel(EventId id);
  // Forgets every event of a node: what its death undoes.
  void CancelNode(NodeIndex node);
  // Removes and returns the next event.
  std::optional<Event> Take();
  // When the next event is due.
  std::optional<Duration> NextTime();

  size_t size() const { return live_; }

 private:
  struct Slot {
    Event event;
    uint32_t generation = 0;
    bool live = false;
  };
  // The heap holds small entries only; cancelled ones stay until they surface.
  struct Entry {
    Duration time;
    uint64_t sequence;
    uint32_t slot;
  };

  static bool Later(const Entry& a, const Entry& b) {
    return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
  }
  uint32_t FreeSlot();
  void DropCancelledFront();
  void PopFront();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t next_sequence_ = 0;
  size_t live_ = 0;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_EVENT_QUEUE_H_

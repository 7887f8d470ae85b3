#include "tests/simulation/event_queue.h"

#include <algorithm>
#include <utility>

namespace flotilla::simulation {

EventId EventQueue::Add(Event event) {
  const uint32_t index = FreeSlot();
  Slot& slot = slots_[index];
  heap_.push_back({.time = event.time, .sequence = next_sequence_++, .slot = index});
  std::push_heap(heap_.begin(), heap_.end(), Later);
  slot.event = std::move(event);
  slot.live = true;
  ++live_;
  return (uint64_t{slot.generation} << 32) | (index + 1);
}

void EventQueue::Cancel(EventId id) {
  const uint32_t number = static_cast<uint32_t>(id);
  if (number == 0 || number > slots_.size()) return;
  Slot& slot = slots_[number - 1];
  if (!slot.live || slot.generation != id >> 32) return;
  slot.live = false;
  --live_;
  // What the task owns may call back into the queue when it is destroyed: not under `slot`.
  const Task forgotten = std::move(slot.event.task);
}

void EventQueue::CancelNode(NodeIndex node) {
  std::vector<Task> forgotten;
  for (Slot& slot : slots_) {
    if (!slot.live || slot.event.node != node) continue;
    slot.live = false;
    --live_;
    forgotten.push_back(std::move(slot.event.task));
  }
}

std::optional<Event> EventQueue::Take() {
  DropCancelledFront();
  if (heap_.empty()) return std::nullopt;
  Slot& slot = slots_[heap_.front().slot];
  slot.live = false;
  --live_;
  Event event = std::move(slot.event);
  PopFront();
  return event;
}

std::optional<Duration> EventQueue::NextTime() {
  DropCancelledFront();
  if (heap_.empty()) return std::nullopt;
  return heap_.front().time;
}

uint32_t EventQueue::FreeSlot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  return index;
}

void EventQueue::DropCancelledFront() {
  while (!heap_.empty() && !slots_[heap_.front().slot].live) PopFront();
}

void EventQueue::PopFront() {
  const uint32_t index = heap_.front().slot;
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  heap_.pop_back();
  ++slots_[index].generation;
  free_slots_.push_back(index);
}

}  // namespace flotilla::simulation

#include "tests/simulation/event_queue.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::nanoseconds;

Event Writes(std::string& out, char letter, int64_t time, NodeIndex node = 0) {
  return {.time = nanoseconds(time), .node = node, .task = [&out, letter] { out += letter; }};
}

void RunAll(EventQueue& queue) {
  while (std::optional<Event> event = queue.Take()) event->task();
}

TEST(EventQueue, TakesEventsInOrderOfTimeAndThenOfAdding) {
  EventQueue queue;
  std::string out;
  queue.Add(Writes(out, 'c', 2));
  queue.Add(Writes(out, 'a', 1));
  queue.Add(Writes(out, 'd', 2));
  queue.Add(Writes(out, 'b', 1));
  RunAll(queue);
  EXPECT_EQ(out, "abcd");
}

TEST(EventQueue, ACancelledEventNeverComes) {
  EventQueue queue;
  std::string out;
  const EventId id = queue.Add(Writes(out, 'a', 1));
  queue.Add(Writes(out, 'b', 2));
  queue.Cancel(id);
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.NextTime(), nanoseconds(2));
  RunAll(queue);
  EXPECT_EQ(out, "b");
}

TEST(EventQueue, AnOldIdDoesNotCancelTheEventThatTookItsPlace) {
  EventQueue queue;
  std::string out;
  const EventId id = queue.Add(Writes(out, 'a', 1));
  RunAll(queue);
  queue.Add(Writes(out, 'b', 2));
  queue.Cancel(id);
  RunAll(queue);
  EXPECT_EQ(out, "ab");
}

TEST(EventQueue, CancellingANodeForgetsItsEventsOnly) {
  EventQueue queue;
  std::string out;
  queue.Add(Writes(out, 'a', 1, 7));
  queue.Add(Writes(out, 'b', 2, 8));
  queue.Add(Writes(out, 'c', 3, 7));
  queue.CancelNode(7);
  RunAll(queue);
  EXPECT_EQ(out, "b");
}

TEST(EventQueue, WhatACancelledTaskOwnsIsReleasedAtOnce) {
  EventQueue queue;
  auto owned = std::make_shared<int>(1);
  queue.Add({.time = nanoseconds(1), .node = 7, .task = [owned] {}});
  queue.CancelNode(7);
  EXPECT_EQ(owned.use_count(), 1);
}

}  // namespace
}  // namespace flotilla::simulation

#include "bench/recorded_writer.h"

#include <chrono>
#include <thread>

#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

// After a refusal, so that a store that refuses everything is not asked without pause.
constexpr std::chrono::milliseconds kPauseAfterFailure{10};

}  // namespace

void RecordedWriter::Run() {
  while (!run_.stopped.load(std::memory_order_relaxed)) WriteOnce();
}

void RecordedWriter::WriteOnce() {
  Put();
  Increment();
}

void RecordedWriter::Put() {
  const std::string name = std::to_string(process_) + "/" + std::to_string(puts_++);
  const std::string key = run_.prefix + "put/" + name;
  const std::string value = "written by " + name;
  const HistoryOperation operation{process_, "register", "write", key};
  run_.history.Invoke(operation, value);
  const auto result = run_.client.Put(key, value, run_.options);
  if (!result.ok()) return Finish(operation, result.status());
  run_.history.Complete(operation, Completion::kOk, value);
  ++run_.acknowledged;
}

void RecordedWriter::Increment() {
  const std::string key = run_.prefix + "count/" + std::to_string(process_);
  const HistoryOperation operation{process_, "counter", "increment", key};
  run_.history.Invoke(operation, 1);
  const auto result = run_.client.Increment(key, 1, run_.options);
  if (!result.ok()) return Finish(operation, result.status());
  run_.history.Complete(operation, Completion::kOk, result->value);
  ++run_.acknowledged;
}

void RecordedWriter::Finish(const HistoryOperation& operation, const Status& status) {
  const bool certain = status.outcome() == Outcome::kNotApplied;
  run_.history.Complete(operation, certain ? Completion::kFail : Completion::kInfo,
                        status.ToString());
  // Nobody knows when the write happens, so it runs beside whatever this caller does next: in a
  // history that is another process, with a counter of its own.
  if (!certain) process_ += run_.writers;
  std::this_thread::sleep_for(kPauseAfterFailure);
}

}  // namespace flotilla::bench

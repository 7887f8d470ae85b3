#include "bench/history_log.h"

#include <ctime>

#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

using Json = nlohmann::ordered_json;

std::string WallTimeAsRfc3339(WallTime time) {
  const auto seconds = static_cast<std::time_t>(
      std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count());
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &fields)};
}

Json Event(const HistoryOperation& operation, std::string_view type) {
  return {{"process", operation.process},
          {"type", type},
          {"workload", operation.workload},
          {"f", operation.function},
          {"key", operation.key}};
}

}  // namespace

HistoryLog::HistoryLog(const std::string& path) : start_(clock_.Now()), file_(path) {
  const Json header = {{"format", "flotilla-history/1"},
                       {"started", WallTimeAsRfc3339(clock_.WallNow())}};
  MutexLock lock(mu_);
  file_ << header.dump() << '\n';
}

void HistoryLog::Invoke(const HistoryOperation& operation, const Json& argument) {
  Json event = Event(operation, "invoke");
  event["value"] = argument;
  MutexLock lock(mu_);
  Append(event, Elapsed());
}

void HistoryLog::Complete(const HistoryOperation& operation, Completion completion,
                          const Json& result) {
  // The answer is there now; waiting for the lock must not make it look later.
  const Duration time = Elapsed();
  const bool ok = completion == Completion::kOk;
  Json event = Event(operation, ok ? "ok" : completion == Completion::kFail ? "fail" : "info");
  event[ok ? "value" : "error"] = result;
  MutexLock lock(mu_);
  Append(event, time);
}

void HistoryLog::AddFault(const Json& fault) {
  Json event = {{"process", "nemesis"}, {"type", "info"}};
  event.update(fault);
  MutexLock lock(mu_);
  Append(event, Elapsed());
}

void HistoryLog::Append(const Json& event, Duration time) {
  Json line = {{"index", next_index_++}, {"time", time.count()}};
  line.update(event);
  file_ << line.dump() << '\n';
}

bool HistoryLog::Flush() {
  MutexLock lock(mu_);
  return static_cast<bool>(file_.flush());
}

}  // namespace flotilla::bench

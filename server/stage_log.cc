#include "server/stage_log.h"

#include <chrono>
#include <cstdint>

namespace flotilla::server {

using node::Stage;

void StageLog::OnStage(std::string_view traceparent, Stage stage, MonoTime when) {
  auto found = open_.find(traceparent);
  if (found == open_.end()) {
    if (stage == Stage::kApplied) return;  // was given up
    found = open_.emplace(traceparent, Times()).first;
    order_.emplace_back(traceparent);
    if (order_.size() > kOpenMax) {
      open_.erase(order_.front());
      order_.pop_front();
    }
  }
  // A stage is reported again while the next one is waited for.
  std::optional<MonoTime>& time = found->second[static_cast<size_t>(stage)];
  if (!time.has_value()) time = when;
  if (stage != Stage::kApplied) return;
  Log(found->first, found->second);
  open_.erase(found);
}

void StageLog::Log(const std::string& traceparent, const Times& times) {
  const MonoTime received = times[static_cast<size_t>(Stage::kReceived)].value_or(MonoTime());
  // Microseconds since it was received; -1 when it was not seen, as after a change of the leader.
  const auto since = [&](Stage stage) -> int64_t {
    const std::optional<MonoTime>& time = times[static_cast<size_t>(stage)];
    if (!time.has_value() || received == MonoTime()) return -1;
    return std::chrono::duration_cast<std::chrono::microseconds>(*time - received).count();
  };
  logger_.Info("request_stages", {{"traceparent", traceparent},
                                  {"proposed_us", since(Stage::kProposed)},
                                  {"durable_us", since(Stage::kDurable)},
                                  {"committed_us", since(Stage::kCommitted)},
                                  {"applied_us", since(Stage::kApplied)}});
}

}  // namespace flotilla::server

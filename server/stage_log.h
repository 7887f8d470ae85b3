// One log line for each sampled write: when it passed each stage. Installed with --log-stages only;
// a write is sampled when its caller says so (W3C trace context, the flag "sampled").
#ifndef FLOTILLA_SERVER_STAGE_LOG_H_
#define FLOTILLA_SERVER_STAGE_LOG_H_

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/logger.h"
#include "node/stage_observer.h"

namespace flotilla::server {

// Lives on the node's executor.
class StageLog final : public node::StageObserver {
 public:
  // Writes that are followed at once. Beyond it the oldest is given up: it was never applied, or
  // the sampling is far too dense.
  static constexpr size_t kOpenMax = 1000;

  explicit StageLog(Logger& logger) : logger_(logger) {}

  void OnStage(std::string_view traceparent, node::Stage stage, MonoTime when) override;

 private:
  static constexpr size_t kStages = static_cast<size_t>(node::Stage::kApplied) + 1;
  using Times = std::array<std::optional<MonoTime>, kStages>;

  void Log(const std::string& traceparent, const Times& times);

  Logger& logger_;
  std::map<std::string, Times, std::less<>> open_;
  // The keys of open_, oldest first, and some that are no longer in it.
  std::deque<std::string> order_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_STAGE_LOG_H_

#include "server/status_board.h"

#include <utility>

namespace flotilla::server {

StatusBoard::StatusBoard(node::Node& node, Executor& executor, Clock& clock,
                         std::function<void(bool ready)> on_ready)
    : node_(node), executor_(executor), clock_(clock), on_ready_(std::move(on_ready)) {}

void StatusBoard::Start() { Report(); }

void StatusBoard::Stop() {
  stopped_ = true;
  executor_.Cancel(timer_);
  Report();
}

void StatusBoard::Report() {
  auto report = std::make_shared<StatusReport>();
  report->status = node_.Status();
  report->ready = !stopped_ && node_.Ready();
  report->when = clock_.Now();
  const bool ready = report->ready;
  {
    MutexLock lock(mu_);
    latest_ = std::move(report);
  }
  if (ready != std::exchange(ready_, ready)) on_ready_(ready);
  if (!stopped_) timer_ = executor_.PostAt(clock_.Now() + kInterval, [this] { Report(); });
}

std::shared_ptr<const StatusReport> StatusBoard::Latest() const {
  MutexLock lock(mu_);
  return latest_;
}

}  // namespace flotilla::server

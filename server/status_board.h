// What the node last said of itself, for threads that must not wait for its executor: HTTP pages
// and health checks answer even when the node hangs, and say so.
#ifndef FLOTILLA_SERVER_STATUS_BOARD_H_
#define FLOTILLA_SERVER_STATUS_BOARD_H_

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "node/node.h"

namespace flotilla::server {

struct StatusReport {
  node::NodeStatus status;
  bool ready = false;
  MonoTime when;
};

class StatusBoard {
 public:
  static constexpr Duration kInterval = std::chrono::milliseconds(100);

  // All outlive the board. `on_ready` runs on the executor whenever readiness changed; at first it
  // is false.
  StatusBoard(node::Node& node, Executor& executor, Clock& clock,
              std::function<void(bool ready)> on_ready);

  // On the executor: reports, and goes on every kInterval.
  void Start();
  // On the executor: not ready any more, for good.
  void Stop();

  // From any thread; null before Start.
  std::shared_ptr<const StatusReport> Latest() const;
  Duration AgeOf(const StatusReport& report) const { return clock_.Now() - report.when; }

 private:
  void Report();

  node::Node& node_;
  Executor& executor_;
  Clock& clock_;
  const std::function<void(bool ready)> on_ready_;
  bool ready_ = false;
  bool stopped_ = false;
  TimerId timer_ = 0;

  mutable Mutex mu_;
  std::shared_ptr<const StatusReport> latest_ ABSL_GUARDED_BY(mu_);
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_STATUS_BOARD_H_

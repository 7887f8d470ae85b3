// SIGTERM and SIGINT ask for a graceful stop, at any time, during start too; a second one, or a
// stop that takes too long, ends the process at once.
#ifndef FLOTILLA_SERVER_SIGNALS_H_
#define FLOTILLA_SERVER_SIGNALS_H_

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/mutex.h"

namespace flotilla::server {

// Before the process has threads: they would take the signals otherwise. SIGPIPE is ignored.
void BlockStopSignals();

class StopSignals {
 public:
  // Watches from now on, until the process ends. `overdue` counts from the first signal.
  StopSignals(Duration overdue, Logger& logger);
  // Blocks until a stop was asked for.
  void Wait();

 private:
  void Watch();

  const Duration overdue_;
  Logger& logger_;
  Mutex mu_;
  CondVar asked_changed_;
  bool asked_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_SIGNALS_H_

#include "server/signals.h"

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "server/failure.h"

namespace flotilla::server {
namespace {

sigset_t StopSet() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void BlockStopSignals() {
  const sigset_t set = StopSet();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

StopSignals::StopSignals(Duration overdue, Logger& logger) : overdue_(overdue), logger_(logger) {
  // Lives as long as the process; nothing could wake it but a signal.
  std::thread([this] { Watch(); }).detach();
}

void StopSignals::Watch() {
  const sigset_t set = StopSet();
  int signal = 0;
  ::sigwait(&set, &signal);
  logger_.Info("stop_asked", {{"signal", signal}});
  {
    MutexLock lock(mu_);
    asked_ = true;
  }
  asked_changed_.NotifyAll();

  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(overdue_);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (overdue_ - seconds).count()};
  const bool again = ::sigtimedwait(&set, nullptr, &limit) > 0;
  // A crash is safe at any moment: what was acknowledged is durable.
  logger_.Warning("stop_forced", {{"why", again ? "asked again" : "overdue"}});
  std::_Exit(static_cast<int>(ExitCode::kStopOverdue));
}

void StopSignals::Wait() {
  MutexLock lock(mu_);
  while (!asked_) asked_changed_.Wait(mu_);
}

}  // namespace flotilla::server

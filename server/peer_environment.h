// What all parts of the peer transport share.
#ifndef FLOTILLA_SERVER_PEER_ENVIRONMENT_H_
#define FLOTILLA_SERVER_PEER_ENVIRONMENT_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/ids.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/random.h"
#include "node/peer_transport.h"
#include "server/credentials.h"

namespace flotilla::server {

std::string_view ToString(node::PeerChannel channel);

struct PeerOptions {
  NodeId self;
  // A connection that answers no ping for twice this long is given up.
  Duration silence = std::chrono::milliseconds(500);
  Duration connect_timeout = std::chrono::seconds(1);
  // Between attempts: doubling from the least to the most, with jitter.
  Duration redial_least = std::chrono::milliseconds(100);
  Duration redial_most = std::chrono::milliseconds(500);
  // Of messages that wait to be written; what would exceed it is dropped.
  size_t max_queued_bytes[node::kPeerChannelCount] = {4 << 20, 64 << 20, 16 << 20};
  // Of received messages that wait for the executor; beyond it nothing is read.
  size_t max_unhandled_bytes = 32 << 20;
  // More than an entry with the largest command and what may stand in front of it.
  size_t max_message_bytes = 32 << 20;
};

// Counts what runs on gRPC's threads and refers to the environment, so that its owner can wait for
// the last. Thread-safe.
class Outstanding {
 public:
  void Add() {
    MutexLock lock(mu_);
    ++count_;
  }
  void Remove() {
    MutexLock lock(mu_);
    if (--count_ == 0) none_.NotifyAll();
  }
  void WaitForNone() {
    MutexLock lock(mu_);
    while (count_ > 0) none_.Wait(mu_);
  }

 private:
  Mutex mu_;
  CondVar none_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
};

struct PeerEnvironment {
  PeerOptions options;
  Executor& executor;
  Clock& clock;
  CredentialsFactory& credentials;
  Logger& logger;
  MetricsRegistry& metrics;
  Random random;                       // the executor's, for jitter
  node::PeerEvents* events = nullptr;  // the executor's; null until the node exists
  Outstanding outstanding;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PEER_ENVIRONMENT_H_

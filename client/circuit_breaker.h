// Keeps calls away from a node that fails, and looks now and then whether it is back, without
// betting a caller's time on it (etcd#8660: a client that stays with a partitioned node).
//
//            Fail                    retry_at() came: Probe
//   closed -----------> open (waits) ----------------------> half open
//     ^ calls may go      ^                                    |   |
//     |                   +----------------- Fail -------------+   |
//     +------------------------------- Connected ------------------+
#ifndef FLOTILLA_CLIENT_CIRCUIT_BREAKER_H_
#define FLOTILLA_CLIENT_CIRCUIT_BREAKER_H_

#include <cstdint>

#include "base/clock.h"
#include "base/random.h"
#include "client/backoff.h"

namespace flotilla::client {

class CircuitBreaker {
 public:
  explicit CircuitBreaker(BackoffLimits limits) : limits_(limits) {}

  bool AllowsCalls() const { return state_ == State::kClosed; }
  bool AwaitsProbe() const { return state_ == State::kOpen; }
  // Whether it is time to connect again, to see.
  bool AllowsProbe(MonoTime now) const { return AwaitsProbe() && now >= retry_at_; }
  // When that time comes, of an open breaker.
  MonoTime retry_at() const { return retry_at_; }

  void Probe() { state_ = State::kHalfOpen; }
  void Connected() { state_ = State::kClosed; }
  // Only an answer proves that a node works: until then each failure costs a longer wait, though
  // connecting went well in between.
  void Answered() { failures_ = 0; }
  void Fail(MonoTime now, Random& random);

 private:
  enum class State : uint8_t { kClosed, kOpen, kHalfOpen };

  BackoffLimits limits_;
  State state_ = State::kClosed;
  uint32_t failures_ = 0;  // in a row
  MonoTime retry_at_{};
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CIRCUIT_BREAKER_H_

#include "client/circuit_breaker.h"

namespace flotilla::client {

void CircuitBreaker::Fail(MonoTime now, Random& random) {
  state_ = State::kOpen;
  ++failures_;
  retry_at_ = now + BackoffDelay(limits_, failures_, random);
}

}  // namespace flotilla::client

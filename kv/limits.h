// What a shard accepts. Replicated settings: they are part of the state, the same on every replica
// at the same index, because what they refuse decides what the state becomes.
#ifndef FLOTILLA_KV_LIMITS_H_
#define FLOTILLA_KV_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace flotilla::kv {

// Hard limits; configuration may lower them (design brief, section 8).
struct Limits {
  size_t max_key_bytes = 4 << 10;
  size_t max_value_bytes = 1 << 20;
  size_t max_command_bytes = 4 << 20;  // keys and values; also of the answer to a BatchGet
  size_t max_operations = 256;         // of a Batch; of a Txn, its conditions included
  size_t max_delete_range = 1000;
  size_t max_batch_get = 1000;
  size_t max_page_rows = 1000;
  size_t max_page_bytes = 1 << 20;

  friend bool operator==(const Limits&, const Limits&) = default;
};

// A session holds every answer that its client has not acknowledged.
struct SessionLimits {
  uint32_t max_sessions = 10000;  // the least recently used goes first
  uint32_t max_results_per_session = 4096;
  // Of session rows. One entry's answers may go over it.
  uint64_t max_bytes_per_session = 8 << 20;
  // Of all sessions together; beyond it the least recently used goes.
  uint64_t max_bytes = 256 << 20;
  Duration idle_expiry = std::chrono::minutes(10);  // in session time (kv/applied_state.h)

  friend bool operator==(const SessionLimits&, const SessionLimits&) = default;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_LIMITS_H_

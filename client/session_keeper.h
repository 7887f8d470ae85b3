// The sessions that make writes exactly-once, one per shard that is written to, opened when first
// needed. A write gets its place (session, sequence) once and keeps it: it is never sent again
// under another token, or a delayed copy could apply it twice.
#ifndef FLOTILLA_CLIENT_SESSION_KEEPER_H_
#define FLOTILLA_CLIENT_SESSION_KEEPER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "client/pending_call.h"
#include "client/write_session.h"

namespace flotilla::client {

struct SessionLimits {
  // Unanswered and out-of-order answered writes per session; below what a shard remembers.
  size_t window = 2048;
  // A session that was idle for longer is not used again: the cluster may be about to expire it,
  // and a write that finds it expired cannot be repeated.
  Duration idle_limit = std::chrono::seconds(60);
};

class SessionKeeper {
 public:
  enum class Admission : uint8_t {
    kAdmitted,
    kWaits,        // in the shard's queue: for the session to open, or for room in it
    kNeedsSession  // waits, and the caller must open a session: Opened or OpeningFailed ends that
  };

  explicit SessionKeeper(const SessionLimits& limits) : limits_(limits) {}

  // Gives the write a place in the shard's session, unless it has one.
  Admission Admit(PendingCall& call, ShardId shard, MonoTime now);

  void Opened(ShardId shard, std::string token, MonoTime now);
  void OpeningFailed(ShardId shard);
  // The cluster does not know the session (any more): new writes take another one.
  void Expired(const WriteSession& session);

  // The write will not be tried again under its session.
  void End(PendingCall& call);

  // Takes out one write whose Admit would not just wait again; null when there is none.
  PendingCall* NextReady();
  // Takes out one write that waits for the shard, ready or not; null when there is none.
  PendingCall* NextWaiting(ShardId shard);

 private:
  struct ShardState {
    std::shared_ptr<WriteSession> current;  // shared with the calls that it identifies
    bool opening = false;
    CallQueue waiting;
  };

  const SessionLimits limits_;
  std::map<ShardId, ShardState> shards_;
  // One space for all shards: a write that moves with a split keeps its number.
  uint64_t next_sequence_ = 1;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SESSION_KEEPER_H_

// A call that the core has taken on and not yet ended, with all that is known about its tries.
#ifndef FLOTILLA_CLIENT_PENDING_CALL_H_
#define FLOTILLA_CLIENT_PENDING_CALL_H_

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"
#include "client/deadline_wheel.h"
#include "client/linked_list.h"
#include "client/operation.h"
#include "client/write_session.h"
#include "flotilla/status.h"
#include "sharding/slot.h"

namespace flotilla::client {

class NodeLink;

// Always in the deadline wheel, and in at most one queue: of those who wait for the shard map or a
// session, of a link's outbox, or of what is under way on a link.
struct PendingCall : Timed, Linked<struct QueueTag> {
  enum class Stage : uint8_t {
    kWaiting,     // for the shard map or a session
    kQueued,      // in the outbox of `link`
    kSent,        // on `link`, unanswered
    kBackingOff,  // until it is due
  };

  Call call;
  bool is_write = false;
  std::optional<sharding::Slot> slot;  // none: not about one slot

  Stage stage = Stage::kWaiting;
  ShardId shard;               // of the latest try
  NodeLink* link = nullptr;    // set exactly in kQueued and kSent
  uint64_t try_id = 0;         // kSent
  MonoTime sent_at;            // kSent
  size_t sent_bytes = 0;       // kSent
  bool awaits_leader = false;  // kBackingOff: to be released when a leader or node comes up

  uint32_t tries = 0;      // sent
  uint32_t failures = 0;   // in a row, for the back-off
  uint32_t redirects = 0;  // followed since the last back-off
  // A try of this write was sent whose end is not known: it may have been applied.
  bool ambiguous = false;
  Status last_error;
  std::string last_endpoint;  // of the latest try

  // Set when a write is first sent, and kept through all its tries. Shared, because calls may
  // outlive the session's time as the current one of its shard.
  std::shared_ptr<WriteSession> session;
  uint64_t sequence = 0;
  uint64_t session_position = 0;

  std::list<PendingCall>::iterator self;  // where the core keeps it
};

using CallQueue = LinkedList<PendingCall, QueueTag>;

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_PENDING_CALL_H_

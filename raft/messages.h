// What members of one group say to each other. Plain structs in a variant: a message carries only
// the fields that it has. Encoded by raft/message_codec.h.
#ifndef FLOTILLA_RAFT_MESSAGES_H_
#define FLOTILLA_RAFT_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::raft {

// Counts the leader's rounds of evidence. Grows within a term; 0 is before the first round. An
// acknowledgement echoes the counter of the message it answers, so that a read is confirmed only by
// answers to messages sent after it was registered (etcd#20418).
using ReadCounter = uint64_t;

// Raft thesis 3.4 and 9.6. With `pre`, the term is the one the sender would campaign in, and
// nothing is promised.
struct VoteRequest {
  bool pre = false;
  // Sent because the leader handed over (TimeoutNow): leader stickiness does not apply.
  bool transfer = false;
  LogIndex last_index;
  Term last_term;
};

struct VoteResponse {
  bool pre = false;
  bool granted = false;
};

struct AppendRequest {
  LogIndex prev_index;
  Term prev_term;
  LogIndex commit;
  ReadCounter read_counter = 0;
  std::vector<Entry> entries;
};

struct AppendResponse {
  // Accepted: everything up to here equals the leader's log, durably.
  // Rejected: the prev_index that was refused.
  LogIndex index;
  ReadCounter read_counter = 0;
  // Set on rejection: where the leader should look next (Raft thesis 5.3, conflict by term).
  struct Conflict {
    LogIndex last_index;  // the follower's hint: its logs may agree at most up to here
    Term term;            // the follower's term at last_index
  };
  std::optional<Conflict> rejected;
};

// An acknowledgement of leadership that needs no disk: answers AppendRequest and Heartbeat at once,
// while the AppendResponse waits for fsync. Also the coalesced heartbeat's reply.
struct HeartbeatResponse {
  ReadCounter read_counter = 0;
  // What the sender's state machine contains; none from who does not follow the receiver.
  LogIndex applied{};
};

// Per-group evidence of a live leader; the node packs those of all groups for one peer together.
struct Heartbeat {
  // Never beyond what the receiver is known to match.
  LogIndex commit;
  ReadCounter read_counter = 0;
};

// The receiver campaigns at once, without PreVote (Raft thesis 3.10).
struct TimeoutNow {};

// A follower asks for a read index on behalf of its own readers.
struct ReadIndexRequest {
  uint64_t context = 0;  // chosen by the follower, never reused by that replica in one process life
};

struct ReadIndexResponse {
  uint64_t context = 0;
  LogIndex index;  // none: refused, ask again
};

using Body = std::variant<VoteRequest, VoteResponse, AppendRequest, AppendResponse, Heartbeat,
                          HeartbeatResponse, TimeoutNow, ReadIndexRequest, ReadIndexResponse>;

struct Message {
  ShardId group;
  Member from;
  Member to;
  // The sender's term, except in pre-votes: there the term that is (or would be) campaigned in.
  Term term;
  Body body;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_MESSAGES_H_

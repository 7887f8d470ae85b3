// What one node sends another: everything that one turn of its loop produced for that peer on one
// channel, for all groups, in one message. Layout: docs/formats.md.
#ifndef FLOTILLA_NODE_ENVELOPE_H_
#define FLOTILLA_NODE_ENVELOPE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "kv/read.h"
#include "kv/result.h"
#include "node/directory_messages.h"
#include "node/request.h"
#include "node/shard_order.h"
#include "raft/messages.h"
#include "raft/types.h"

namespace flotilla::node {

// Matches a forwarded request with its reply; never reused in one life of the sending process.
using ForwardId = uint64_t;

struct ForwardedWrite {
  ForwardId id = 0;
  WriteRequest request;  // its deadline travels as the time that is left
};
struct ForwardedRead {
  ForwardId id = 0;
  ReadRequest request;
};
struct WriteAnswer {
  ForwardId id = 0;
  WriteReply reply;
};
struct ReadAnswer {
  ForwardId id = 0;
  ReadReply reply;
};

// A snapshot under way from a leader to one member. The id is the sender's, never reused in one
// life of its process; with the term it names the transfer (scylladb#29092).
struct SnapshotOffer {
  uint64_t transfer = 0;
  raft::Member from;
  raft::Member to;
  Term term;
  std::string manifest;  // storage::EncodeSnapshotManifest
  ShardId group;
};
struct SnapshotData {
  uint64_t transfer = 0;
  ShardId group;
  uint64_t offset = 0;
  uint32_t crc32c = 0;
  std::string data;
};
struct SnapshotAnswer {
  // kWait: too many snapshots arrive at once; it is not forgotten.
  enum class Kind : uint8_t { kContinue = 1, kInstalled = 2, kRefused = 3, kWait = 4 };
  uint64_t transfer = 0;
  ShardId group;
  Kind kind = Kind::kContinue;
  uint64_t next_offset = 0;  // kContinue: everything below has arrived
};

// A node asks the leader to replace its replica, which must not run any more, by a new one; and
// goes on asking while it has the unfit one.
struct RepairRequest {
  ShardId group;
  raft::Member failed;
};

// A node that was addressed as a member it does not know asks the sender what it is.
struct MembershipQuestion {
  ShardId group;
  raft::Member member;
};
// What a group knows of one of its members. Also sent unasked to one that was removed while it was
// away (etcd#8892: it would campaign for ever).
struct MembershipAnswer {
  ShardId group;
  raft::Member member;
  // The disk that the member was created for; none: the group has removed it, for good.
  Incarnation incarnation;
  // Where the group was split off, if it was: a node whose replica of the parent has not come that
  // far makes the member itself when it does.
  std::optional<kv::ShardOrigin> origin{};
};

// Before a shard is split its leader has the members flush what they have applied and make a draft
// of the child, so that little is left to do at the split, when everything waits.
struct SplitPreparationRequest {
  ShardId group;
  raft::Member from;
  LogIndex flush_upto;
  ShardId child{};             // none: no draft is asked for
  uint64_t shard_version = 0;  // of the group as it is to be split
};
// How far the engine is durable; none while the draft is being made. Again whenever it is asked.
struct SplitPreparationAnswer {
  ShardId group;
  raft::Member from;
  LogIndex durable;
};

using PeerItem = std::variant<raft::Message, ForwardedWrite, ForwardedRead, WriteAnswer, ReadAnswer,
                              SnapshotOffer, SnapshotData, SnapshotAnswer, RepairRequest,
                              MembershipQuestion, MembershipAnswer, SplitPreparationRequest,
                              SplitPreparationAnswer, DirectoryReport, DirectoryUpdate, ShardOrder>;

// Collects items, and packs heartbeats and their replies, of which there is one per group,
// together.
class EnvelopeWriter {
 public:
  // `now` turns deadlines into the time that is left.
  void Add(const PeerItem& item, MonoTime now);
  bool empty() const { return body_.empty() && heartbeats_ == 0 && heartbeat_replies_ == 0; }
  size_t bytes() const { return body_.size() + heartbeat_bytes_.size() + reply_bytes_.size(); }
  // The finished message; the writer is empty afterwards.
  std::string Take();

 private:
  std::string body_;
  // Delta-coded: groups and terms differ little from one to the next.
  std::string heartbeat_bytes_;
  std::string reply_bytes_;
  uint64_t heartbeats_ = 0;
  uint64_t heartbeat_replies_ = 0;
  uint64_t last_heartbeat_group_ = 0;
  uint64_t last_reply_group_ = 0;
};

// Takes an envelope apart, in order. kDataLoss when malformed, kUnimplemented when newer; the items
// before the damage have been given out then.
absl::Status ReadEnvelope(std::string_view bytes, MonoTime now,
                          const std::function<void(PeerItem)>& visit);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_ENVELOPE_H_

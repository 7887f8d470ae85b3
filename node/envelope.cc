#include "node/envelope.h"

#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "node/request_codec.h"
#include "raft/message_codec.h"

namespace flotilla::node {

namespace {

constexpr uint8_t kEnvelopeKind = 0x45;  // 'E'
constexpr uint8_t kEnvelopeVersion = 1;

enum class ItemKind : uint8_t {
  kRaft = 1,
  kHeartbeats = 2,
  kHeartbeatReplies = 3,
  kForwardedWrite = 4,
  kForwardedRead = 5,
  kWriteAnswer = 6,
  kReadAnswer = 7,
  kSnapshotOffer = 8,
  kSnapshotData = 9,
  kSnapshotAnswer = 10,
  kRepairRequest = 11,
  kMembershipQuestion = 12,
  kMembershipAnswer = 13,
  kMembershipAnswerOfChild = 14,
  kSplitPreparationRequest = 15,
  kSplitPreparationAnswer = 16,
  kDirectoryReport = 17,
  kDirectoryUpdate = 18,
  kShardOrder = 19,
  kDirectoryReportWithLoad = 20,
  kSplitPreparationRequestOfChild = 21,
};

void PutKind(std::string& out, ItemKind kind) { PutFixed8(out, static_cast<uint8_t>(kind)); }

void PutMember(std::string& out, const raft::Member& member) {
  PutVarint(out, member.node.value());
  PutVarint(out, member.replica.value());
}

raft::Member TakeMember(Decoder& in) {
  raft::Member member;
  member.node = NodeId(in.Varint());
  member.replica = ReplicaId(in.Varint());
  return member;
}

// The part that heartbeats and their replies share.
void PutEvidence(std::string& out, uint64_t& last_group, const raft::Message& message) {
  const uint64_t group = message.group.value();
  PutSignedVarint(out, static_cast<int64_t>(group - last_group));
  last_group = group;
  PutMember(out, message.from);
  PutMember(out, message.to);
  PutVarint(out, message.term.value());
}

raft::Message TakeEvidence(Decoder& in, uint64_t& last_group) {
  raft::Message message;
  last_group += static_cast<uint64_t>(in.SignedVarint());
  message.group = ShardId(last_group);
  message.from = TakeMember(in);
  message.to = TakeMember(in);
  message.term = Term(in.Varint());
  return message;
}

// Encodes every kind of item that is not packed with its like.
class ItemEncoder {
 public:
  ItemEncoder(std::string& out, MonoTime now) : out_(out), now_(now) {}

  void operator()(const raft::Message& message) {
    PutKind(out_, ItemKind::kRaft);
    raft::EncodeMessage(message, out_);
  }
  void operator()(const ForwardedWrite& item) {
    PutKind(out_, ItemKind::kForwardedWrite);
    PutVarint(out_, item.id);
    EncodeWriteRequest(item.request, now_, out_);
  }
  void operator()(const ForwardedRead& item) {
    PutKind(out_, ItemKind::kForwardedRead);
    PutVarint(out_, item.id);
    EncodeReadRequest(item.request, now_, out_);
  }
  void operator()(const WriteAnswer& item) {
    PutKind(out_, ItemKind::kWriteAnswer);
    PutVarint(out_, item.id);
    EncodeWriteReply(item.reply, out_);
  }
  void operator()(const ReadAnswer& item) {
    PutKind(out_, ItemKind::kReadAnswer);
    PutVarint(out_, item.id);
    EncodeReadReply(item.reply, out_);
  }
  void operator()(const SnapshotOffer& item) {
    PutKind(out_, ItemKind::kSnapshotOffer);
    PutVarint(out_, item.transfer);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.from);
    PutMember(out_, item.to);
    PutVarint(out_, item.term.value());
    PutString(out_, item.manifest);
  }
  void operator()(const SnapshotData& item) {
    PutKind(out_, ItemKind::kSnapshotData);
    PutVarint(out_, item.transfer);
    PutVarint(out_, item.group.value());
    PutVarint(out_, item.offset);
    PutFixed32(out_, item.crc32c);
    PutString(out_, item.data);
  }
  void operator()(const SnapshotAnswer& item) {
    PutKind(out_, ItemKind::kSnapshotAnswer);
    PutVarint(out_, item.transfer);
    PutVarint(out_, item.group.value());
    PutFixed8(out_, static_cast<uint8_t>(item.kind));
    PutVarint(out_, item.next_offset);
  }
  void operator()(const RepairRequest& item) {
    PutKind(out_, ItemKind::kRepairRequest);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.failed);
  }
  void operator()(const MembershipQuestion& item) {
    PutKind(out_, ItemKind::kMembershipQuestion);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.member);
  }
  void operator()(const MembershipAnswer& item) {
    PutKind(out_, item.origin.has_value() ? ItemKind::kMembershipAnswerOfChild
                                          : ItemKind::kMembershipAnswer);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.member);
    PutFixed64(out_, item.incarnation.value());
    if (!item.origin.has_value()) return;
    PutVarint(out_, item.origin->parent.value());
    PutVarint(out_, item.origin->split.value());
  }
  void operator()(const SplitPreparationRequest& item) {
    const bool of_child = !item.child.is_none();
    PutKind(out_, of_child ? ItemKind::kSplitPreparationRequestOfChild
                           : ItemKind::kSplitPreparationRequest);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.from);
    PutVarint(out_, item.flush_upto.value());
    if (!of_child) return;
    PutVarint(out_, item.child.value());
    PutVarint(out_, item.shard_version);
  }
  void operator()(const SplitPreparationAnswer& item) {
    PutKind(out_, ItemKind::kSplitPreparationAnswer);
    PutVarint(out_, item.group.value());
    PutMember(out_, item.from);
    PutVarint(out_, item.durable.value());
  }
  void operator()(const DirectoryReport& item) {
    const bool with_load = HasLoadSamples(item);
    PutKind(out_, with_load ? ItemKind::kDirectoryReportWithLoad : ItemKind::kDirectoryReport);
    PutDirectoryReport(out_, item);
    if (with_load) PutLoadSamples(out_, item);
  }
  void operator()(const DirectoryUpdate& item) {
    PutKind(out_, ItemKind::kDirectoryUpdate);
    PutDirectoryUpdate(out_, item);
  }
  void operator()(const ShardOrder& item) {
    PutKind(out_, ItemKind::kShardOrder);
    PutShardOrder(out_, item);
  }

 private:
  std::string& out_;
  const MonoTime now_;
};

using Visit = std::function<void(PeerItem)>;

void TakeHeartbeats(Decoder& in, const Visit& visit) {
  uint64_t last_group = 0;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    raft::Message message = TakeEvidence(in, last_group);
    raft::Heartbeat heartbeat;
    heartbeat.commit = LogIndex(in.Varint());
    heartbeat.read_counter = in.Varint();
    message.body = heartbeat;
    if (in.ok()) visit(std::move(message));
  }
}

void TakeHeartbeatReplies(Decoder& in, const Visit& visit) {
  uint64_t last_group = 0;
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    raft::Message message = TakeEvidence(in, last_group);
    raft::HeartbeatResponse reply;
    reply.read_counter = in.Varint();
    reply.applied = LogIndex(in.Varint());
    message.body = reply;
    if (in.ok()) visit(std::move(message));
  }
}

SnapshotOffer TakeSnapshotOffer(Decoder& in) {
  SnapshotOffer offer;
  offer.transfer = in.Varint();
  offer.group = ShardId(in.Varint());
  offer.from = TakeMember(in);
  offer.to = TakeMember(in);
  offer.term = Term(in.Varint());
  offer.manifest = in.String();
  return offer;
}

SnapshotData TakeSnapshotData(Decoder& in) {
  SnapshotData data;
  data.transfer = in.Varint();
  data.group = ShardId(in.Varint());
  data.offset = in.Varint();
  data.crc32c = in.Fixed32();
  data.data = in.String();
  return data;
}

SnapshotAnswer TakeSnapshotAnswer(Decoder& in) {
  SnapshotAnswer answer;
  answer.transfer = in.Varint();
  answer.group = ShardId(in.Varint());
  const uint8_t kind = in.Fixed8();
  if (kind < 1 || kind > 4) in.Fail();
  answer.kind = static_cast<SnapshotAnswer::Kind>(kind);
  answer.next_offset = in.Varint();
  return answer;
}

SplitPreparationRequest TakeSplitPreparationRequest(ItemKind kind, Decoder& in) {
  SplitPreparationRequest request{
      .group = ShardId(in.Varint()), .from = TakeMember(in), .flush_upto = LogIndex(in.Varint())};
  if (kind == ItemKind::kSplitPreparationRequestOfChild) {
    request.child = ShardId(in.Varint());
    request.shard_version = in.Varint();
  }
  return request;
}

MembershipAnswer TakeMembershipAnswer(ItemKind kind, Decoder& in) {
  MembershipAnswer answer;
  answer.group = ShardId(in.Varint());
  answer.member = TakeMember(in);
  answer.incarnation = Incarnation(in.Fixed64());
  if (kind == ItemKind::kMembershipAnswerOfChild) {
    answer.origin = {.parent = ShardId(in.Varint()), .split = LogIndex(in.Varint())};
  }
  return answer;
}

absl::Status TakeDirectoryItem(ItemKind kind, Decoder& in, const Visit& give) {
  if (kind == ItemKind::kDirectoryReport || kind == ItemKind::kDirectoryReportWithLoad) {
    FLOTILLA_ASSIGN_OR_RETURN(DirectoryReport report, TakeDirectoryReport(in));
    if (kind == ItemKind::kDirectoryReportWithLoad) TakeLoadSamples(in, report);
    give(std::move(report));
  } else if (kind == ItemKind::kDirectoryUpdate) {
    FLOTILLA_ASSIGN_OR_RETURN(DirectoryUpdate update, TakeDirectoryUpdate(in));
    give(std::move(update));
  } else {
    give(TakeShardOrder(in));
  }
  return absl::OkStatus();
}

// Designated initialisers evaluate in order, so the id is read first.
absl::Status TakeItem(ItemKind kind, Decoder& in, MonoTime now, const Visit& visit) {
  const auto give = [&](PeerItem item) {
    if (in.ok()) visit(std::move(item));
  };
  switch (kind) {
    case ItemKind::kRaft: {
      FLOTILLA_ASSIGN_OR_RETURN(raft::Message message, raft::DecodeMessage(in));
      give(std::move(message));
      return absl::OkStatus();
    }
    case ItemKind::kHeartbeats:
      TakeHeartbeats(in, visit);
      return absl::OkStatus();
    case ItemKind::kHeartbeatReplies:
      TakeHeartbeatReplies(in, visit);
      return absl::OkStatus();
    case ItemKind::kForwardedWrite:
      give(ForwardedWrite{.id = in.Varint(), .request = DecodeWriteRequest(in, now)});
      return absl::OkStatus();
    case ItemKind::kForwardedRead:
      give(ForwardedRead{.id = in.Varint(), .request = DecodeReadRequest(in, now)});
      return absl::OkStatus();
    case ItemKind::kWriteAnswer:
      give(WriteAnswer{.id = in.Varint(), .reply = DecodeWriteReply(in)});
      return absl::OkStatus();
    case ItemKind::kReadAnswer:
      give(ReadAnswer{.id = in.Varint(), .reply = DecodeReadReply(in)});
      return absl::OkStatus();
    case ItemKind::kSnapshotOffer:
      give(TakeSnapshotOffer(in));
      return absl::OkStatus();
    case ItemKind::kSnapshotData:
      give(TakeSnapshotData(in));
      return absl::OkStatus();
    case ItemKind::kSnapshotAnswer:
      give(TakeSnapshotAnswer(in));
      return absl::OkStatus();
    case ItemKind::kRepairRequest:
      give(RepairRequest{.group = ShardId(in.Varint()), .failed = TakeMember(in)});
      return absl::OkStatus();
    case ItemKind::kMembershipQuestion:
      give(MembershipQuestion{.group = ShardId(in.Varint()), .member = TakeMember(in)});
      return absl::OkStatus();
    case ItemKind::kMembershipAnswer:
    case ItemKind::kMembershipAnswerOfChild:
      give(TakeMembershipAnswer(kind, in));
      return absl::OkStatus();
    case ItemKind::kSplitPreparationRequest:
    case ItemKind::kSplitPreparationRequestOfChild:
      give(TakeSplitPreparationRequest(kind, in));
      return absl::OkStatus();
    case ItemKind::kSplitPreparationAnswer:
      give(SplitPreparationAnswer{
          .group = ShardId(in.Varint()), .from = TakeMember(in), .durable = LogIndex(in.Varint())});
      return absl::OkStatus();
    case ItemKind::kDirectoryReport:
    case ItemKind::kDirectoryUpdate:
    case ItemKind::kShardOrder:
    case ItemKind::kDirectoryReportWithLoad:
      return TakeDirectoryItem(kind, in, give);
  }
  return absl::UnimplementedError("peer envelope holds an item of an unknown kind");
}

}  // namespace

void EnvelopeWriter::Add(const PeerItem& item, MonoTime now) {
  if (const auto* message = std::get_if<raft::Message>(&item)) {
    if (const auto* heartbeat = std::get_if<raft::Heartbeat>(&message->body)) {
      PutEvidence(heartbeat_bytes_, last_heartbeat_group_, *message);
      PutVarint(heartbeat_bytes_, heartbeat->commit.value());
      PutVarint(heartbeat_bytes_, heartbeat->read_counter);
      ++heartbeats_;
      return;
    }
    if (const auto* reply = std::get_if<raft::HeartbeatResponse>(&message->body)) {
      PutEvidence(reply_bytes_, last_reply_group_, *message);
      PutVarint(reply_bytes_, reply->read_counter);
      PutVarint(reply_bytes_, reply->applied.value());
      ++heartbeat_replies_;
      return;
    }
  }
  std::visit(ItemEncoder(body_, now), item);
}

std::string EnvelopeWriter::Take() {
  std::string out;
  out.reserve(bytes() + 32);
  PutFormatHeader(out, kEnvelopeKind, kEnvelopeVersion);
  if (heartbeats_ > 0) {
    PutKind(out, ItemKind::kHeartbeats);
    PutVarint(out, heartbeats_);
    out += heartbeat_bytes_;
  }
  if (heartbeat_replies_ > 0) {
    PutKind(out, ItemKind::kHeartbeatReplies);
    PutVarint(out, heartbeat_replies_);
    out += reply_bytes_;
  }
  out += body_;
  *this = EnvelopeWriter();
  return out;
}

absl::Status ReadEnvelope(std::string_view bytes, MonoTime now, const Visit& visit) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kEnvelopeKind, kEnvelopeVersion, "peer envelope"));
  while (in.ok() && !in.done()) {
    const auto kind = static_cast<ItemKind>(in.Fixed8());
    FLOTILLA_RETURN_IF_ERROR(TakeItem(kind, in, now, visit));
  }
  return in.Finish("peer envelope");
}

}  // namespace flotilla::node

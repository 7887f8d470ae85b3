#include "tests/simulation/raft/raft_wire.h"

#include <ostream>
#include <sstream>
#include <utility>

#include "base/coding.h"
#include "base/status_macros.h"
#include "raft/message_codec.h"

namespace flotilla::simulation {

namespace {

enum Kind : uint8_t { kMessages = 1, kOffer = 2, kAnswer = 3 };

void PutMember(std::string& out, const raft::Member& member) {
  PutVarint(out, member.node.value());
  PutVarint(out, member.replica.value());
}

raft::Member ReadMember(Decoder& in) {
  const NodeId node(in.Varint());
  return {.node = node, .replica = ReplicaId(in.Varint())};
}

void PutRoute(std::string& out, ShardId group, const raft::Member& from, const raft::Member& to,
              Term term) {
  PutVarint(out, group.value());
  PutMember(out, from);
  PutMember(out, to);
  PutVarint(out, term.value());
}

template <typename T>
void ReadRoute(Decoder& in, T& packet) {
  packet.group = ShardId(in.Varint());
  packet.from = ReadMember(in);
  packet.to = ReadMember(in);
  packet.term = Term(in.Varint());
}

absl::StatusOr<Packet> DecodeOffer(Decoder& in) {
  SnapshotOffer offer;
  ReadRoute(in, offer);
  offer.state = in.Fixed64();
  const std::string_view meta = in.String();
  FLOTILLA_RETURN_IF_ERROR(in.Finish("snapshot offer"));
  FLOTILLA_ASSIGN_OR_RETURN(offer.meta, raft::DecodeSnapshotMeta(meta));
  return offer;
}

absl::StatusOr<Packet> DecodeAnswer(Decoder& in) {
  SnapshotAnswer answer;
  ReadRoute(in, answer);
  answer.ok = in.Fixed8() != 0;
  answer.index = LogIndex(in.Varint());
  FLOTILLA_RETURN_IF_ERROR(in.Finish("snapshot answer"));
  return answer;
}

struct Describer {
  std::ostream& os;

  void operator()(const raft::VoteRequest& vote) const {
    os << (vote.pre ? "pre-vote request" : "vote request") << ", last " << vote.last_index << '@'
       << vote.last_term;
  }
  void operator()(const raft::VoteResponse& vote) const {
    os << (vote.pre ? "pre-vote " : "vote ") << (vote.granted ? "granted" : "denied");
  }
  void operator()(const raft::AppendRequest& append) const {
    os << "append of " << append.entries.size() << " after " << append.prev_index << '@'
       << append.prev_term << ", commit " << append.commit;
  }
  void operator()(const raft::AppendResponse& append) const {
    os << (append.rejected.has_value() ? "append rejected at " : "append done to ") << append.index;
  }
  void operator()(const raft::Heartbeat& beat) const { os << "heartbeat, commit " << beat.commit; }
  void operator()(const raft::HeartbeatResponse&) const { os << "heartbeat response"; }
  void operator()(const raft::TimeoutNow&) const { os << "timeout now"; }
  void operator()(const raft::ReadIndexRequest&) const { os << "read index request"; }
  void operator()(const raft::ReadIndexResponse& read) const { os << "read index " << read.index; }
};

}  // namespace

std::string Describe(const raft::Message& message) {
  std::ostringstream os;
  std::visit(Describer{os}, message.body);
  os << ", from " << message.from << " to " << message.to << " in term " << message.term;
  return os.str();
}

std::string EncodePacket(const Packet& packet) {
  std::string out;
  if (const auto* messages = std::get_if<std::vector<raft::Message>>(&packet)) {
    PutFixed8(out, kMessages);
    for (const raft::Message& message : *messages) raft::EncodeMessage(message, out);
  } else if (const auto* offer = std::get_if<SnapshotOffer>(&packet)) {
    PutFixed8(out, kOffer);
    PutRoute(out, offer->group, offer->from, offer->to, offer->term);
    PutFixed64(out, offer->state);
    PutString(out, raft::EncodeSnapshotMeta(offer->meta));
  } else {
    const auto& answer = std::get<SnapshotAnswer>(packet);
    PutFixed8(out, kAnswer);
    PutRoute(out, answer.group, answer.from, answer.to, answer.term);
    PutFixed8(out, answer.ok ? 1 : 0);
    PutVarint(out, answer.index.value());
  }
  return out;
}

absl::StatusOr<Packet> DecodePacket(std::string_view bytes) {
  Decoder in(bytes);
  const uint8_t kind = in.Fixed8();
  if (kind == kOffer) return DecodeOffer(in);
  if (kind == kAnswer) return DecodeAnswer(in);
  if (kind != kMessages) return absl::DataLossError("packet of unknown kind");
  std::vector<raft::Message> messages;
  while (!in.done()) {
    FLOTILLA_ASSIGN_OR_RETURN(raft::Message message, raft::DecodeMessage(in));
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace flotilla::simulation

#include "raft/message_codec.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "base/status_macros.h"

namespace flotilla::raft {

namespace {

constexpr uint8_t kMessageKind = 'R';
constexpr uint8_t kConfigurationKind = 'C';
constexpr uint8_t kSnapshotMetaKind = 'M';
constexpr uint8_t kNewestVersion = 1;

// On the wire; never renumbered. The order is that of `Body`.
enum class BodyTag : uint8_t {
  kVoteRequest = 1,
  kVoteResponse = 2,
  kAppendRequest = 3,
  kAppendResponse = 4,
  kHeartbeat = 5,
  kHeartbeatResponse = 6,
  kTimeoutNow = 7,
  kReadIndexRequest = 8,
  kReadIndexResponse = 9,
};

template <typename Id>
void PutId(std::string& out, Id id) {
  PutVarint(out, id.value());
}
template <typename Id>
Id TakeId(Decoder& in) {
  return Id(in.Varint());
}
void PutMember(std::string& out, const Member& member) {
  PutId(out, member.node);
  PutId(out, member.replica);
}
Member TakeMember(Decoder& in) {
  const NodeId node = TakeId<NodeId>(in);
  return {node, TakeId<ReplicaId>(in)};
}

void PutMembers(std::string& out, const std::vector<Member>& members) {
  PutVarint(out, members.size());
  for (const Member& member : members) PutMember(out, member);
}
std::vector<Member> TakeMembers(Decoder& in) {
  std::vector<Member> members;
  // A count that the bytes cannot hold ends the loop, not the memory.
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) members.push_back(TakeMember(in));
  return members;
}

void PutConfiguration(std::string& out, const Configuration& configuration) {
  PutMembers(out, configuration.voters);
  PutMembers(out, configuration.voters_outgoing);
  PutMembers(out, configuration.learners);
  PutMembers(out, configuration.learners_next);
  PutId(out, configuration.next_replica_id);
  PutVarint(out, configuration.returning.size());
  for (const NodeId node : configuration.returning) PutId(out, node);
  PutVarint(out, configuration.incarnations.size());
  for (const auto& [node, incarnation] : configuration.incarnations) {
    PutId(out, node);
    PutFixed64(out, incarnation.value());
  }
}
Configuration TakeConfiguration(Decoder& in) {
  Configuration configuration;
  configuration.voters = TakeMembers(in);
  configuration.voters_outgoing = TakeMembers(in);
  configuration.learners = TakeMembers(in);
  configuration.learners_next = TakeMembers(in);
  configuration.next_replica_id = TakeId<ReplicaId>(in);
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    configuration.returning.push_back(TakeId<NodeId>(in));
  }
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    const NodeId node = TakeId<NodeId>(in);
    configuration.incarnations[node] = Incarnation(in.Fixed64());
  }
  return configuration;
}

void PutBody(std::string& out, const VoteRequest& request) {
  PutFixed8(out, request.pre ? 1 : 0);
  PutFixed8(out, request.transfer ? 1 : 0);
  PutId(out, request.last_index);
  PutId(out, request.last_term);
}
void PutBody(std::string& out, const VoteResponse& response) {
  PutFixed8(out, response.pre ? 1 : 0);
  PutFixed8(out, response.granted ? 1 : 0);
}
void PutBody(std::string& out, const AppendRequest& request) {
  PutId(out, request.prev_index);
  PutId(out, request.prev_term);
  PutId(out, request.commit);
  PutVarint(out, request.read_counter);
  PutVarint(out, request.entries.size());
  for (const Entry& entry : request.entries) EncodeEntry(entry, out);
}
void PutBody(std::string& out, const AppendResponse& response) {
  PutId(out, response.index);
  PutVarint(out, response.read_counter);
  PutFixed8(out, response.rejected.has_value() ? 1 : 0);
  if (!response.rejected.has_value()) return;
  PutId(out, response.rejected->last_index);
  PutId(out, response.rejected->term);
}
void PutBody(std::string& out, const Heartbeat& heartbeat) {
  PutId(out, heartbeat.commit);
  PutVarint(out, heartbeat.read_counter);
}
void PutBody(std::string& out, const HeartbeatResponse& response) {
  PutVarint(out, response.read_counter);
  PutId(out, response.applied);
}
void PutBody(std::string&, const TimeoutNow&) {}
void PutBody(std::string& out, const ReadIndexRequest& request) { PutVarint(out, request.context); }
void PutBody(std::string& out, const ReadIndexResponse& response) {
  PutVarint(out, response.context);
  PutId(out, response.index);
}

VoteRequest TakeVoteRequest(Decoder& in) {
  VoteRequest request;
  request.pre = in.Bool();
  request.transfer = in.Bool();
  request.last_index = TakeId<LogIndex>(in);
  request.last_term = TakeId<Term>(in);
  return request;
}
VoteResponse TakeVoteResponse(Decoder& in) {
  const bool pre = in.Bool();
  return {pre, in.Bool()};
}
absl::StatusOr<AppendRequest> TakeAppendRequest(Decoder& in) {
  AppendRequest request;
  request.prev_index = TakeId<LogIndex>(in);
  request.prev_term = TakeId<Term>(in);
  request.commit = TakeId<LogIndex>(in);
  request.read_counter = in.Varint();
  const uint64_t count = in.Varint();
  // No entry is shorter than four bytes.
  request.entries.reserve(std::min<uint64_t>(count, in.rest().size() / 4));
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    FLOTILLA_ASSIGN_OR_RETURN(Entry entry, DecodeEntry(in));
    request.entries.push_back(std::move(entry));
  }
  return request;
}
AppendResponse TakeAppendResponse(Decoder& in) {
  AppendResponse response;
  response.index = TakeId<LogIndex>(in);
  response.read_counter = in.Varint();
  if (!in.Bool()) return response;
  const LogIndex last_index = TakeId<LogIndex>(in);
  response.rejected = AppendResponse::Conflict{last_index, TakeId<Term>(in)};
  return response;
}
Heartbeat TakeHeartbeat(Decoder& in) {
  const LogIndex commit = TakeId<LogIndex>(in);
  return {commit, in.Varint()};
}
HeartbeatResponse TakeHeartbeatResponse(Decoder& in) {
  const ReadCounter counter = in.Varint();
  return {counter, TakeId<LogIndex>(in)};
}
ReadIndexResponse TakeReadIndexResponse(Decoder& in) {
  const uint64_t context = in.Varint();
  return {context, TakeId<LogIndex>(in)};
}

absl::StatusOr<Body> TakeBody(Decoder& in) {
  switch (static_cast<BodyTag>(in.Fixed8())) {
    case BodyTag::kVoteRequest:
      return TakeVoteRequest(in);
    case BodyTag::kVoteResponse:
      return TakeVoteResponse(in);
    case BodyTag::kAppendRequest: {
      FLOTILLA_ASSIGN_OR_RETURN(AppendRequest request, TakeAppendRequest(in));
      return request;
    }
    case BodyTag::kAppendResponse:
      return TakeAppendResponse(in);
    case BodyTag::kHeartbeat:
      return TakeHeartbeat(in);
    case BodyTag::kHeartbeatResponse:
      return TakeHeartbeatResponse(in);
    case BodyTag::kTimeoutNow:
      return TimeoutNow{};
    case BodyTag::kReadIndexRequest:
      return ReadIndexRequest{in.Varint()};
    case BodyTag::kReadIndexResponse:
      return TakeReadIndexResponse(in);
  }
  return absl::DataLossError("raft message: unknown body");
}

}  // namespace

void EncodeMessage(const Message& message, std::string& out) {
  PutFormatHeader(out, kMessageKind, kNewestVersion);
  PutId(out, message.group);
  PutMember(out, message.from);
  PutMember(out, message.to);
  PutId(out, message.term);
  PutFixed8(out, static_cast<uint8_t>(message.body.index() + 1));
  std::visit([&out](const auto& body) { PutBody(out, body); }, message.body);
}

absl::StatusOr<Message> DecodeMessage(Decoder& in) {
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kMessageKind, kNewestVersion, "raft message"));
  Message message;
  message.group = TakeId<ShardId>(in);
  message.from = TakeMember(in);
  message.to = TakeMember(in);
  message.term = TakeId<Term>(in);
  FLOTILLA_ASSIGN_OR_RETURN(message.body, TakeBody(in));
  if (!in.ok()) return absl::DataLossError("raft message: cut short or malformed");
  return message;
}

std::string EncodeConfiguration(const Configuration& configuration) {
  std::string out;
  PutFormatHeader(out, kConfigurationKind, kNewestVersion);
  PutConfiguration(out, configuration);
  return out;
}

absl::StatusOr<Configuration> DecodeConfiguration(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(
      ReadFormatHeader(in, kConfigurationKind, kNewestVersion, "configuration"));
  Configuration configuration = TakeConfiguration(in);
  FLOTILLA_RETURN_IF_ERROR(in.Finish("configuration"));
  return configuration;
}

std::string EncodeSnapshotMeta(const SnapshotMeta& meta) {
  std::string out;
  PutFormatHeader(out, kSnapshotMetaKind, kNewestVersion);
  PutId(out, meta.index);
  PutId(out, meta.term);
  PutId(out, meta.configuration_index);
  PutConfiguration(out, meta.configuration);
  return out;
}

absl::StatusOr<SnapshotMeta> DecodeSnapshotMeta(std::string_view bytes) {
  Decoder in(bytes);
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, kSnapshotMetaKind, kNewestVersion, "snapshot"));
  SnapshotMeta meta;
  meta.index = TakeId<LogIndex>(in);
  meta.term = TakeId<Term>(in);
  meta.configuration_index = TakeId<LogIndex>(in);
  meta.configuration = TakeConfiguration(in);
  FLOTILLA_RETURN_IF_ERROR(in.Finish("snapshot"));
  return meta;
}

void EncodeEntry(const Entry& entry, std::string& out) {
  PutId(out, entry.index);
  PutId(out, entry.term);
  PutFixed8(out, static_cast<uint8_t>(entry.kind));
  PutString(out, View(entry.payload));
}

absl::StatusOr<Entry> DecodeEntry(Decoder& in) {
  Entry entry;
  entry.index = TakeId<LogIndex>(in);
  entry.term = TakeId<Term>(in);
  entry.kind = static_cast<EntryKind>(in.Fixed8());
  const std::string_view payload = in.String();
  if (!in.ok()) return absl::DataLossError("log entry: cut short");
  switch (entry.kind) {
    case EntryKind::kNoop:
      if (!payload.empty()) return absl::DataLossError("log entry: a no-op with a payload");
      return entry;
    case EntryKind::kCommand:
    case EntryKind::kConfiguration:
      entry.payload = MakeBytes(std::string(payload));
      return entry;
  }
  return absl::UnimplementedError("log entry: unknown kind");
}

}  // namespace flotilla::raft

#include "node/request_codec.h"

#include <algorithm>
#include <utility>

namespace flotilla::node {

namespace {

void EncodeContext(const RequestContext& context, MonoTime now, std::string& out) {
  PutString(out, View(context.request_id));
  PutString(out, View(context.traceparent));
  PutString(out, context.principal);
  PutVarint(out, static_cast<uint64_t>(std::max(context.deadline - now, Duration(0)).count()));
  PutFixed8(out, context.sampled ? 1 : 0);
}

SharedBytes DecodeShared(Decoder& in) {
  const std::string_view bytes = in.String();
  return bytes.empty() ? nullptr : MakeBytes(std::string(bytes));
}

RequestContext DecodeContext(Decoder& in, MonoTime now) {
  RequestContext context;
  context.request_id = DecodeShared(in);
  context.traceparent = DecodeShared(in);
  context.principal = in.String();
  // A day bounds the addition: nobody waits longer, and a damaged number must not overflow.
  const auto left = std::min<uint64_t>(in.Varint(), Duration(std::chrono::hours(24)).count());
  context.deadline = now + Duration(left);
  context.sampled = in.Fixed8() != 0;
  return context;
}

void EncodeTarget(const Target& target, std::string& out) {
  PutVarint(out, target.shard.value());
  PutVarint(out, target.version);
}

// What arrives from a node was forwarded: it is served here or refused, never sent on.
Target DecodeTarget(Decoder& in) {
  Target target;
  target.shard = ShardId(in.Varint());
  target.version = in.Varint();
  target.forwarded = true;
  return target;
}

void EncodeRoute(const Route& route, std::string& out) {
  PutVarint(out, route.shard.value());
  PutVarint(out, route.version);
  PutVarint(out, route.leader.value());
  PutString(out, route.leader_address);
}

Route DecodeRoute(Decoder& in) {
  Route route;
  route.shard = ShardId(in.Varint());
  route.version = in.Varint();
  route.leader = NodeId(in.Varint());
  route.leader_address = in.String();
  return route;
}

void EncodeError(const Error& error, std::string& out) {
  PutFixed8(out, static_cast<uint8_t>(error.code));
  if (error.ok()) return;
  PutFixed8(out, static_cast<uint8_t>(error.reason));
  PutFixed8(out, static_cast<uint8_t>(error.outcome));
  PutString(out, error.message);
  PutSignedVarint(out, error.retry_after.count());
  PutFixed8(out, error.route.has_value() ? 1 : 0);
  if (error.route.has_value()) EncodeRoute(*error.route, out);
}

Error DecodeError(Decoder& in) {
  Error error;
  error.code = static_cast<absl::StatusCode>(in.Fixed8());
  if (error.ok()) return error;
  error.reason = static_cast<Reason>(in.Fixed8());
  error.outcome = static_cast<Outcome>(in.Fixed8());
  error.message = in.String();
  error.retry_after = Duration(in.SignedVarint());
  if (in.Fixed8() != 0) error.route = DecodeRoute(in);
  return error;
}

// A nested value with a codec of its own.
template <typename T, typename Decode>
T DecodeNested(Decoder& in, Decode decode) {
  absl::StatusOr<T> value = decode(in.String());
  if (value.ok()) return *std::move(value);
  in.Fail();
  return T{};
}

}  // namespace

void EncodeWriteRequest(const WriteRequest& request, MonoTime now, std::string& out) {
  EncodeContext(request.context, now, out);
  EncodeTarget(request.target, out);
  PutString(out, View(request.command));
}

WriteRequest DecodeWriteRequest(Decoder& in, MonoTime now) {
  WriteRequest request;
  request.context = DecodeContext(in, now);
  request.target = DecodeTarget(in);
  request.command = MakeBytes(std::string(in.String()));
  return request;
}

void EncodeReadRequest(const ReadRequest& request, MonoTime now, std::string& out) {
  EncodeContext(request.context, now, out);
  EncodeTarget(request.target, out);
  PutFixed8(out, static_cast<uint8_t>(request.level));
  PutString(out, kv::EncodeReadRequest(request.read));
}

ReadRequest DecodeReadRequest(Decoder& in, MonoTime now) {
  ReadRequest request;
  request.context = DecodeContext(in, now);
  request.target = DecodeTarget(in);
  const uint8_t level = in.Fixed8();
  if (level != static_cast<uint8_t>(ReadLevel::kLinearizable) &&
      level != static_cast<uint8_t>(ReadLevel::kStale)) {
    in.Fail();
  }
  request.level = static_cast<ReadLevel>(level);
  request.read = DecodeNested<kv::ReadRequest>(in, kv::DecodeReadRequest);
  return request;
}

void EncodeWriteReply(const WriteReply& reply, std::string& out) {
  EncodeError(reply.error, out);
  if (reply.error.ok()) PutString(out, kv::EncodeResult(reply.result));
}

WriteReply DecodeWriteReply(Decoder& in) {
  WriteReply reply;
  reply.error = DecodeError(in);
  if (reply.error.ok()) reply.result = DecodeNested<kv::CommandResult>(in, kv::DecodeResult);
  return reply;
}

void EncodeReadReply(const ReadReply& reply, std::string& out) {
  EncodeError(reply.error, out);
  PutSignedVarint(out, reply.lag.count());
  if (reply.error.ok()) PutString(out, kv::EncodeReadResult(reply.result));
}

ReadReply DecodeReadReply(Decoder& in) {
  ReadReply reply;
  reply.error = DecodeError(in);
  reply.lag = Duration(in.SignedVarint());
  if (reply.error.ok()) reply.result = DecodeNested<kv::ReadResult>(in, kv::DecodeReadResult);
  return reply;
}

}  // namespace flotilla::node

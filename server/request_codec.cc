#include "server/request_codec.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "flotilla/v1/kv.pb.h"
#include "kv/command.h"
#include "kv/read.h"
#include "server/operation_codec.h"

namespace flotilla::server {
namespace {

// A header as it counts for one operation: its own fields before those of the message around it.
class EffectiveHeader {
 public:
  EffectiveHeader(const v1::RequestHeader& own, const v1::RequestHeader& shared)
      : own_(own), shared_(shared) {}

  const std::string& keyspace() const { return Pick(own_.keyspace(), shared_.keyspace()); }
  uint64_t shard_id() const { return Pick(own_.shard_id(), shared_.shard_id()); }
  uint64_t shard_version() const { return Pick(own_.shard_version(), shared_.shard_version()); }
  const std::string& session_token() const {
    return Pick(own_.session_token(), shared_.session_token());
  }
  uint64_t sequence() const { return Pick(own_.sequence(), shared_.sequence()); }
  uint64_t acknowledged_below() const {
    return Pick(own_.acknowledged_below(), shared_.acknowledged_below());
  }
  uint32_t timeout_ms() const { return Pick(own_.timeout_ms(), shared_.timeout_ms()); }
  const std::string& request_id() const { return Pick(own_.request_id(), shared_.request_id()); }
  const std::string& traceparent() const { return Pick(own_.traceparent(), shared_.traceparent()); }

 private:
  static const std::string& Pick(const std::string& own, const std::string& shared) {
    return own.empty() ? shared : own;
  }
  static uint64_t Pick(uint64_t own, uint64_t shared) { return own == 0 ? shared : own; }

  const v1::RequestHeader& own_;
  const v1::RequestHeader& shared_;
};

const v1::RequestHeader& OwnHeader(const v1::PipelineOperation& operation) {
  using Case = v1::PipelineOperation;
  switch (operation.operation_case()) {
    case Case::kGet:
      return operation.get().header();
    case Case::kBatchGet:
      return operation.batch_get().header();
    case Case::kPut:
      return operation.put().header();
    case Case::kDelete:
      return operation.delete_().header();
    case Case::kCompareAndSwap:
      return operation.compare_and_swap().header();
    case Case::kIncrement:
      return operation.increment().header();
    case Case::kAppend:
      return operation.append().header();
    case Case::kDeleteRange:
      return operation.delete_range().header();
    case Case::kBatch:
      return operation.batch().header();
    case Case::kTxn:
      return operation.txn().header();
    case Case::kScan:
      return operation.scan().header();
    case Case::kOpenSession:
      return operation.open_session().header();
    case Case::kCloseSession:
      return operation.close_session().header();
    case Case::kKeepSessionAlive:
      return operation.keep_session_alive().header();
    case Case::OPERATION_NOT_SET:
      break;
  }
  return v1::RequestHeader::default_instance();
}

// W3C Trace Context, level 1: version-trace-parent-flags, in hexadecimal; bit 0 of the flags.
bool IsSampled(std::string_view traceparent) {
  constexpr size_t kLength = 55;
  constexpr std::string_view kOddDigits = "13579bdf";
  return traceparent.size() >= kLength &&
         kOddDigits.find(traceparent[kLength - 1]) != std::string_view::npos;
}

node::RequestContext ContextOf(const EffectiveHeader& header, const CallInfo& call,
                               const RequestOptions& options) {
  const Duration asked = header.timeout_ms() == 0 ? options.default_timeout
                                                  : std::chrono::milliseconds(header.timeout_ms());
  node::RequestContext context;
  context.deadline = std::min(call.deadline, call.now + std::min(asked, options.max_timeout));
  context.principal = call.principal;
  context.request_id = header.request_id().empty() ? call.request_id : header.request_id();
  context.traceparent = header.traceparent().empty() ? call.traceparent : header.traceparent();
  context.sampled = IsSampled(context.traceparent);
  return context;
}

node::Target TargetOf(const EffectiveHeader& header) {
  node::Target target;
  target.shard = ShardId(header.shard_id());
  target.version = header.shard_version();
  return target;
}

absl::StatusOr<kv::WriteIdentity> IdentityOf(const EffectiveHeader& header, uint64_t sequence,
                                             const kv::Operation& operation) {
  kv::WriteIdentity identity;
  const bool opens = std::holds_alternative<kv::OpenSession>(operation);
  // These name a session, but are no numbered writes of it.
  const bool about_session = std::holds_alternative<kv::CloseSession>(operation) ||
                             std::holds_alternative<kv::KeepAlive>(operation);
  if (header.session_token().empty() || opens) {
    if (about_session) return absl::InvalidArgumentError("a session token is needed");
    if (sequence != 0 && !opens) {
      return absl::InvalidArgumentError("a sequence number without a session token");
    }
    return identity;
  }
  FLOTILLA_ASSIGN_OR_RETURN(identity.session, kv::DecodeSessionToken(header.session_token()));
  if (sequence == 0 && !about_session) {
    return absl::InvalidArgumentError("a session token without a sequence number, from 1");
  }
  identity.sequence = sequence;
  identity.acknowledged_below = header.acknowledged_below();
  return identity;
}

node::Error Refusal(const absl::Status& status) {
  node::Error error;
  error.code = status.code();
  error.reason = node::Reason::kInvalidRequest;
  error.message = std::string(StdView(status.message()));
  return error;
}

using NodeRequest = decltype(ClientOperation::request);

absl::StatusOr<NodeRequest> ToWrite(kv::Command command, const EffectiveHeader& header,
                                    uint64_t sequence, const CallInfo& call,
                                    const RequestOptions& options) {
  FLOTILLA_ASSIGN_OR_RETURN(
      command.identity,
      IdentityOf(header, sequence != 0 ? sequence : header.sequence(), command.operation));
  if (auto* range = std::get_if<kv::DeleteRange>(&command.operation)) {
    range->shard_version = header.shard_version();
  }
  FLOTILLA_RETURN_IF_ERROR(kv::Validate(command, options.limits));
  node::WriteRequest request;
  request.context = ContextOf(header, call, options);
  request.target = TargetOf(header);
  request.command = MakeBytes(kv::EncodeCommand(command));
  return NodeRequest(std::move(request));
}

absl::StatusOr<NodeRequest> ToRead(DecodedRead decoded, const EffectiveHeader& header,
                                   const CallInfo& call, const RequestOptions& options) {
  if (auto* page = std::get_if<kv::ScanPage>(&decoded.read.operation)) {
    page->shard_version = header.shard_version();
  }
  FLOTILLA_RETURN_IF_ERROR(kv::Validate(decoded.read, options.limits));
  node::ReadRequest request;
  request.context = ContextOf(header, call, options);
  request.target = TargetOf(header);
  request.level = decoded.level;
  request.read = std::move(decoded.read);
  return NodeRequest(std::move(request));
}

absl::StatusOr<NodeRequest> ToNode(DecodedOperation decoded, const EffectiveHeader& header,
                                   uint64_t sequence, const CallInfo& call,
                                   const RequestOptions& options) {
  if (!header.keyspace().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no keyspace \"", header.keyspace(), "\", only the default (empty)"));
  }
  if (auto* command = std::get_if<kv::Command>(&decoded.body)) {
    return ToWrite(std::move(*command), header, sequence, call, options);
  }
  return ToRead(std::get<DecodedRead>(std::move(decoded.body)), header, call, options);
}

}  // namespace

ClientOperation RequestCodec::Decode(v1::PipelineOperation& operation,
                                     const v1::RequestHeader& shared, const CallInfo& call) const {
  ClientOperation decoded;
  decoded.answer.id = operation.id();
  decoded.answer.kind = static_cast<OperationKind>(operation.operation_case());
  decoded.answer.received = call.now;
  const EffectiveHeader header(OwnHeader(operation), shared);
  absl::StatusOr<DecodedOperation> body = DecodeOperation(operation, options_.limits);
  if (!body.ok()) {
    decoded.request = Refusal(body.status());
    return decoded;
  }
  decoded.answer.range_fingerprint = body->range_fingerprint;
  absl::StatusOr<NodeRequest> request =
      ToNode(*std::move(body), header, operation.sequence(), call, options_);
  if (request.ok()) {
    decoded.request = *std::move(request);
  } else {
    decoded.request = Refusal(request.status());
  }
  return decoded;
}

ClientOperation RequestCodec::Decode(v1::PipelineOperation& operation, const CallInfo& call) const {
  return Decode(operation, v1::RequestHeader::default_instance(), call);
}

std::vector<ClientOperation> RequestCodec::Decode(v1::PipelineRequest& request,
                                                  const CallInfo& call) const {
  std::vector<ClientOperation> decoded;
  decoded.reserve(request.operations_size());
  for (v1::PipelineOperation& operation : *request.mutable_operations()) {
    decoded.push_back(Decode(operation, request.header(), call));
  }
  return decoded;
}

}  // namespace flotilla::server

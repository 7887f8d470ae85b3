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

// Under which names a request is found in logs and traces.
struct Trace {
  SharedBytes request_id;
  SharedBytes traceparent;
};

absl::Status CheckTrace(std::string_view name, const std::string& text) {
  if (text.size() <= RequestCodec::kMaxTraceBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      AbslView(name), " has at most ", RequestCodec::kMaxTraceBytes, " bytes, not ", text.size()));
}

// What is given, and where nothing is, that of `outer`.
absl::StatusOr<Trace> TraceOf(const std::string& request_id, const std::string& traceparent,
                              absl::StatusOr<Trace> outer) {
  FLOTILLA_RETURN_IF_ERROR(CheckTrace("request_id", request_id));
  FLOTILLA_RETURN_IF_ERROR(CheckTrace("traceparent", traceparent));
  if (outer.ok() && !request_id.empty()) outer->request_id = MakeBytes(request_id);
  if (outer.ok() && !traceparent.empty()) outer->traceparent = MakeBytes(traceparent);
  return outer;
}

// W3C Trace Context, level 1: version-trace-parent-flags, in hexadecimal; bit 0 of the flags.
bool IsSampled(std::string_view traceparent) {
  constexpr size_t kLength = 55;
  constexpr std::string_view kOddDigits = "13579bdf";
  return traceparent.size() >= kLength &&
         kOddDigits.find(traceparent[kLength - 1]) != std::string_view::npos;
}

node::RequestContext ContextOf(const EffectiveHeader& header, Trace trace, const CallInfo& call,
                               const RequestOptions& options) {
  const Duration asked = header.timeout_ms() == 0 ? options.default_timeout
                                                  : std::chrono::milliseconds(header.timeout_ms());
  node::RequestContext context;
  context.deadline = std::min(call.deadline, call.now + std::min(asked, options.max_timeout));
  context.principal = call.principal;
  context.sampled = IsSampled(View(trace.traceparent));
  context.request_id = std::move(trace.request_id);
  context.traceparent = std::move(trace.traceparent);
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

absl::StatusOr<NodeRequest> ToWrite(kv::Command command, const EffectiveHeader& header,
                                    uint64_t sequence, node::RequestContext context,
                                    const kv::Limits& limits) {
  FLOTILLA_ASSIGN_OR_RETURN(
      command.identity,
      IdentityOf(header, sequence != 0 ? sequence : header.sequence(), command.operation));
  if (auto* range = std::get_if<kv::DeleteRange>(&command.operation)) {
    range->shard_version = header.shard_version();
  }
  FLOTILLA_RETURN_IF_ERROR(kv::Validate(command, limits));
  node::WriteRequest request;
  request.context = std::move(context);
  request.target = TargetOf(header);
  request.command = MakeBytes(kv::EncodeCommand(command));
  return NodeRequest(std::move(request));
}

absl::StatusOr<NodeRequest> ToRead(DecodedRead decoded, const EffectiveHeader& header,
                                   node::RequestContext context, const kv::Limits& limits) {
  if (auto* page = std::get_if<kv::ScanPage>(&decoded.read.operation)) {
    page->shard_version = header.shard_version();
  }
  FLOTILLA_RETURN_IF_ERROR(kv::Validate(decoded.read, limits));
  node::ReadRequest request;
  request.context = std::move(context);
  request.target = TargetOf(header);
  request.level = decoded.level;
  request.read = std::move(decoded.read);
  return NodeRequest(std::move(request));
}

absl::StatusOr<NodeRequest> ToNode(DecodedOperation decoded, const EffectiveHeader& header,
                                   uint64_t sequence, node::RequestContext context,
                                   const kv::Limits& limits) {
  if (!header.keyspace().empty()) {
    constexpr size_t kShown = 64;
    return absl::InvalidArgumentError(absl::StrCat("there is no keyspace \"",
                                                   header.keyspace().substr(0, kShown),
                                                   "\", only the default (empty)"));
  }
  if (auto* command = std::get_if<kv::Command>(&decoded.body)) {
    return ToWrite(std::move(*command), header, sequence, std::move(context), limits);
  }
  return ToRead(std::get<DecodedRead>(std::move(decoded.body)), header, std::move(context), limits);
}

}  // namespace

struct RequestCodec::Shared {
  Shared(const v1::RequestHeader& message, const CallInfo& info)
      : header(message),
        call(info),
        trace(TraceOf(message.request_id(), message.traceparent(),
                      TraceOf(info.request_id, info.traceparent, Trace()))) {}

  const v1::RequestHeader& header;
  const CallInfo& call;
  const absl::StatusOr<Trace> trace;
};

absl::StatusOr<NodeRequest> RequestCodec::ToRequest(v1::PipelineOperation& operation,
                                                    const Shared& shared,
                                                    AnswerContext* answer) const {
  FLOTILLA_ASSIGN_OR_RETURN(DecodedOperation body, DecodeOperation(operation, options_.limits));
  answer->range_fingerprint = body.range_fingerprint;
  const v1::RequestHeader& own = OwnHeader(operation);
  FLOTILLA_ASSIGN_OR_RETURN(Trace trace,
                            TraceOf(own.request_id(), own.traceparent(), shared.trace));
  const EffectiveHeader header(own, shared.header);
  return ToNode(std::move(body), header, operation.sequence(),
                ContextOf(header, std::move(trace), shared.call, options_), options_.limits);
}

ClientOperation RequestCodec::Decode(v1::PipelineOperation& operation, const Shared& shared) const {
  ClientOperation decoded;
  decoded.answer.id = operation.id();
  decoded.answer.kind = static_cast<OperationKind>(operation.operation_case());
  decoded.answer.received = shared.call.now;
  absl::StatusOr<NodeRequest> request = ToRequest(operation, shared, &decoded.answer);
  if (request.ok()) {
    decoded.request = *std::move(request);
  } else {
    decoded.request = Refusal(request.status());
  }
  return decoded;
}

ClientOperation RequestCodec::Decode(v1::PipelineOperation& operation, const CallInfo& call) const {
  return Decode(operation, Shared(v1::RequestHeader::default_instance(), call));
}

std::vector<ClientOperation> RequestCodec::Decode(v1::PipelineRequest& request,
                                                  const CallInfo& call) const {
  const Shared shared(request.header(), call);
  std::vector<ClientOperation> decoded;
  decoded.reserve(request.operations_size());
  for (v1::PipelineOperation& operation : *request.mutable_operations()) {
    decoded.push_back(Decode(operation, shared));
  }
  return decoded;
}

}  // namespace flotilla::server

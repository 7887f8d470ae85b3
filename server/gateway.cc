#include "server/gateway.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "node/errors.h"
#include "server/reply_codec.h"

namespace flotilla::server {
namespace {

const node::Error& ErrorOf(const Answer& answer) {
  if (const auto* error = std::get_if<node::Error>(&answer.reply)) return *error;
  if (const auto* write = std::get_if<node::WriteReply>(&answer.reply)) return write->error;
  return std::get<node::ReadReply>(answer.reply).error;
}

node::Error TooLarge(size_t bytes, size_t limit) {
  return node::InvalidRequest(absl::InvalidArgumentError(absl::StrCat(
      "the answer has ", bytes, " bytes, the limit is ", limit, "; ask for fewer keys at once")));
}

// Whether the caller may as well ask again: nothing has been changed.
bool HadNoEffect(const Answer& answer) {
  const auto* write = std::get_if<node::WriteReply>(&answer.reply);
  return write == nullptr || write->result.code != kv::ResultCode::kOk;
}

void Replace(Answer& answer, node::Error error) {
  error.outcome = HadNoEffect(answer) ? node::Outcome::kNotApplied : node::Outcome::kApplied;
  if (IsRead(answer.context.kind)) {
    answer.reply = node::ReadReply{.error = std::move(error), .result = {}, .lag = {}};
  } else {
    answer.reply = node::WriteReply{.error = std::move(error), .result = {}};
  }
  answer.bytes = ByteSize(answer);
}

}  // namespace

Gateway::Gateway(node::Node& node, Executor& executor, Clock& clock, Logger& logger,
                 RequestMetrics& metrics, const Options& options)
    : node_(node),
      executor_(executor),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      options_(options) {}

void Gateway::Submit(std::vector<ClientOperation> operations, std::shared_ptr<AnswerSink> sink) {
  executor_.Post([this, operations = std::move(operations), sink = std::move(sink)]() mutable {
    for (ClientOperation& operation : operations) Run(std::move(operation), sink);
  });
}

void Gateway::Run(ClientOperation operation, const std::shared_ptr<AnswerSink>& sink) {
  const AnswerContext context = operation.answer;
  if (auto* refused = std::get_if<node::Error>(&operation.request)) {
    Finish({context, std::move(*refused)}, {}, *sink);
  } else if (auto* write = std::get_if<node::WriteRequest>(&operation.request)) {
    Trace trace{write->context.request_id, write->context.traceparent};
    node_.Write(std::move(*write),
                [this, context, trace = std::move(trace), sink](node::WriteReply reply) {
                  Finish({context, std::move(reply)}, trace, *sink);
                });
  } else {
    auto& read = std::get<node::ReadRequest>(operation.request);
    Trace trace{read.context.request_id, read.context.traceparent};
    node_.Read(std::move(read),
               [this, context, trace = std::move(trace), sink](node::ReadReply reply) {
                 Finish({context, std::move(reply)}, trace, *sink);
               });
  }
}

void Gateway::Fit(Answer& answer, const AnswerAccount& account) const {
  // Less than this an error has as well.
  constexpr size_t kSmall = 256;
  answer.bytes = ByteSize(answer);
  if (answer.bytes > options_.max_answer_bytes) {
    Replace(answer, TooLarge(answer.bytes, options_.max_answer_bytes));
  } else if (answer.bytes > std::max(kSmall, account.room()) && HadNoEffect(answer)) {
    Replace(answer, node::Overloaded("too many bytes of answers wait to be read"));
  }
}

void Gateway::LogSlow(const Answer& answer, Duration duration, const Trace& trace) {
  // All requests are slow when the node is, and then it has no time for lines.
  const std::optional<uint64_t> left_out = slow_lines_.Admit(clock_.Now());
  if (!left_out.has_value()) return;
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  logger_.Warning("slow_request", {{"op", ToString(answer.context.kind)},
                                   {"duration_ms", millis},
                                   {"code", absl::StatusCodeToString(ErrorOf(answer).code)},
                                   {"request_id", View(trace.request_id)},
                                   {"traceparent", View(trace.traceparent)},
                                   {"left_out", *left_out}});
}

void Gateway::Finish(Answer answer, const Trace& trace, AnswerSink& sink) {
  Fit(answer, sink.account());
  sink.account().Take(answer.bytes);
  const Duration duration = clock_.Now() - answer.context.received;
  metrics_.CountAnswer(answer.context.kind, duration, ErrorOf(answer));
  if (duration > options_.slow_request) LogSlow(answer, duration, trace);
  sink.OnAnswer(std::move(answer));
}

}  // namespace flotilla::server

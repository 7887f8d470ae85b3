#include "server/gateway.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/reply_codec.h"

namespace flotilla::server {
namespace {

const node::Error& ErrorOf(const Answer& answer) {
  if (const auto* error = std::get_if<node::Error>(&answer.reply)) return *error;
  if (const auto* write = std::get_if<node::WriteReply>(&answer.reply)) return write->error;
  return std::get<node::ReadReply>(answer.reply).error;
}

node::Error TooLarge(size_t bytes, size_t limit) {
  node::Error error;
  error.code = absl::StatusCode::kInvalidArgument;
  error.reason = node::Reason::kInvalidRequest;
  error.message = absl::StrCat("the answer has ", bytes, " bytes, the limit is ", limit,
                               "; ask for fewer keys at once");
  return error;
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

void Gateway::Finish(Answer answer, const Trace& trace, AnswerSink& sink) {
  const size_t bytes = ByteSize(answer);
  if (bytes > options_.max_answer_bytes) {
    answer.reply = TooLarge(bytes, options_.max_answer_bytes);
  }
  const Duration duration = clock_.Now() - answer.context.received;
  metrics_.CountAnswer(answer.context.kind, duration, ErrorOf(answer));
  if (duration > options_.slow_request) {
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    logger_.Warning("slow_request", {{"op", ToString(answer.context.kind)},
                                     {"duration_ms", millis},
                                     {"code", absl::StatusCodeToString(ErrorOf(answer).code)},
                                     {"request_id", View(trace.request_id)},
                                     {"traceparent", View(trace.traceparent)}});
  }
  sink.OnAnswer(std::move(answer));
}

}  // namespace flotilla::server

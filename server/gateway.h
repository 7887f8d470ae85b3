// The way from the threads of gRPC to the node's executor and back.
#ifndef FLOTILLA_SERVER_GATEWAY_H_
#define FLOTILLA_SERVER_GATEWAY_H_

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/logger.h"
#include "node/node.h"
#include "server/answer_budget.h"
#include "server/client_operation.h"
#include "server/log_limit.h"
#include "server/request_metrics.h"

namespace flotilla::server {

class AnswerSink {
 public:
  explicit AnswerSink(AnswerBudget& budget) : account_(budget) {}
  virtual ~AnswerSink() = default;
  // On the node's executor; once per submitted operation, in any order.
  virtual void OnAnswer(Answer answer) = 0;

  // Holds the bytes of every answer that came, until the sink releases them.
  AnswerAccount& account() { return account_; }
  const AnswerAccount& account() const { return account_; }

 private:
  AnswerAccount account_;
};

// Thread-safe.
class Gateway {
 public:
  struct Options {
    // Answers beyond it become errors: no message could carry them.
    size_t max_answer_bytes = 15 << 20;
    // Of all answers that have not left yet.
    size_t max_unsent_bytes = 256 << 20;
    Duration slow_request = std::chrono::seconds(1);
  };
  // All outlive the gateway; and the gateway, every operation that was submitted.
  Gateway(node::Node& node, Executor& executor, Clock& clock, Logger& logger,
          RequestMetrics& metrics, const Options& options);

  // Hands all operations to the node in one task.
  void Submit(std::vector<ClientOperation> operations, std::shared_ptr<AnswerSink> sink);

  Executor& executor() { return executor_; }
  Clock& clock() { return clock_; }
  RequestMetrics& metrics() { return metrics_; }
  AnswerBudget& budget() { return budget_; }

 private:
  static constexpr uint64_t kSlowLinesPerSecond = 10;

  // What a log line needs to be found by.
  struct Trace {
    SharedBytes request_id;
    SharedBytes traceparent;
  };

  void Run(ClientOperation operation, const std::shared_ptr<AnswerSink>& sink);
  void Finish(Answer answer, const Trace& trace, AnswerSink& sink);
  void LogSlow(const Answer& answer, Duration duration, const Trace& trace);
  // Puts an error in the place of what cannot be sent, or kept until it is.
  void Fit(Answer& answer, const AnswerAccount& account) const;

  node::Node& node_;
  Executor& executor_;
  Clock& clock_;
  Logger& logger_;
  RequestMetrics& metrics_;
  const Options options_;
  LogLimit slow_lines_{kSlowLinesPerSecond};  // the executor's
  AnswerBudget budget_{options_.max_unsent_bytes};
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_GATEWAY_H_

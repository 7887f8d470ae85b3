#include "client/call_status.h"

#include <string>
#include <utility>

namespace flotilla::client {

namespace {

// A write that was sent and not answered may have been applied.
Outcome OutcomeOf(const PendingCall& call) {
  const bool under_way = call.is_write && call.stage == PendingCall::Stage::kSent;
  return call.ambiguous || under_way ? Outcome::kUnknown : Outcome::kNotApplied;
}

}  // namespace

Status StatusOf(const ServerError& error, Outcome outcome) {
  Status::Fields fields;
  fields.code = error.code == StatusCode::kOk ? StatusCode::kUnknown : error.code;
  fields.message = error.message;
  fields.reason = ToString(error.reason);
  fields.outcome = outcome;
  fields.retry_after = std::chrono::ceil<std::chrono::milliseconds>(error.retry_after);
  return Status(std::move(fields));
}

Status LateStatus(const PendingCall& call, std::string_view endpoints) {
  Status::Fields fields;
  fields.outcome = OutcomeOf(call);
  const Status& last = call.last_error;
  const bool reached_none = call.tries == 0 && last.ok();
  if (reached_none) {
    fields.code = StatusCode::kUnavailable;
    fields.reason = reason::kUnreachable;
    fields.message = "no node answered in time";
  } else if (last.ok() || fields.outcome == Outcome::kUnknown) {
    fields.code = StatusCode::kDeadlineExceeded;
    fields.reason = last.ok() ? "DEADLINE_EXCEEDED" : last.reason();
    fields.message = "no answer in time";
  } else {
    fields.code = last.code();
    fields.reason = last.reason();
    fields.message = "gave up at the deadline";
  }
  if (!last.ok()) fields.message += "; the last try: " + last.message();
  fields.details.emplace_back("tries", std::to_string(call.tries));
  fields.details.emplace_back("endpoints", std::string(endpoints));
  return Status(std::move(fields));
}

Status ClosedStatus(const PendingCall& call) {
  Status::Fields fields;
  fields.code = StatusCode::kCancelled;
  fields.reason = reason::kClientClosed;
  fields.message = "the client was closed";
  fields.outcome = OutcomeOf(call);
  return Status(std::move(fields));
}

}  // namespace flotilla::client

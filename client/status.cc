#include "flotilla/status.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ostream>

namespace flotilla {
inline namespace client_v1 {

namespace {

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

Status::Fields MakeFields(StatusCode code, std::string message, std::string_view reason) {
  Status::Fields fields;
  fields.code = code;
  fields.message = std::move(message);
  fields.reason = reason;
  return fields;
}

}  // namespace

std::string_view ToString(StatusCode code) {
  const auto number = static_cast<size_t>(code);
  return number < kCodeNames.size() ? kCodeNames[number] : "UNKNOWN";
}

std::string_view ToString(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotApplied:
      return "NOT_APPLIED";
    case Outcome::kApplied:
      return "APPLIED";
    case Outcome::kUnknown:
      break;
  }
  return "UNKNOWN";
}

Status::Status(Fields fields) {
  if (fields.code != StatusCode::kOk) {
    fields_ = std::make_shared<const Fields>(std::move(fields));
  }
}

Status::Status(StatusCode code, std::string message, std::string_view reason)
    : Status(MakeFields(code, std::move(message), reason)) {}

const Status::Fields& Status::fields() const {
  // Leaked on purpose: nothing of the library is destroyed at exit.
  static const Fields* const kOkFields =
      new Fields{StatusCode::kOk, {}, {}, Outcome::kApplied, {}, {}};
  return ok() ? *kOkFields : *fields_;
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  std::string text(client_v1::ToString(code()));
  text += ": " + message() + " (";
  if (!reason().empty()) text += "reason=" + reason() + ", ";
  text += "outcome=";
  text += client_v1::ToString(outcome());
  for (const auto& [name, value] : details()) text += ", " + name + "=" + value;
  return text + ")";
}

std::ostream& operator<<(std::ostream& os, const Status& status) { return os << status.ToString(); }

namespace internal {

void AbortOnMissingValue(const Status& status) {
  std::fprintf(stderr, "flotilla: the value of a failed call was used: %s\n",
               status.ToString().c_str());
  std::abort();
}

}  // namespace internal

}  // namespace client_v1
}  // namespace flotilla

// Early return on error, which the packaged Abseil (20220623) lacks.
#ifndef FLOTILLA_BASE_STATUS_MACROS_H_
#define FLOTILLA_BASE_STATUS_MACROS_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flotilla {

// The packaged absl::string_view is a type of its own; the product spells std::string_view and
// converts at Abseil's doors.
inline absl::string_view AbslView(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view StdView(absl::string_view s) { return {s.data(), s.size()}; }

// The same error with `context` in front of its message; OK stays OK.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::string message(context);
  message += ": ";
  message += StdView(status.message());
  absl::Status annotated(status.code(), message);
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

}  // namespace flotilla

#define FLOTILLA_RETURN_IF_ERROR(expr)                                                        \
  do {                                                                                        \
    if (absl::Status flotilla_status = (expr); !flotilla_status.ok()) return flotilla_status; \
  } while (false)

#define FLOTILLA_STATUS_CONCAT_INNER_(a, b) a##b
#define FLOTILLA_STATUS_CONCAT_(a, b) FLOTILLA_STATUS_CONCAT_INNER_(a, b)

// FLOTILLA_ASSIGN_OR_RETURN(auto x, F()): declares or assigns x from a StatusOr, or returns its
// error. Not usable as the single statement of an if.
#define FLOTILLA_ASSIGN_OR_RETURN(lhs, expr) \
  FLOTILLA_ASSIGN_OR_RETURN_(FLOTILLA_STATUS_CONCAT_(flotilla_statusor_, __LINE__), lhs, expr)
#define FLOTILLA_ASSIGN_OR_RETURN_(tmp, lhs, expr) \
  auto tmp = (expr);                               \
  if (!tmp.ok()) return std::move(tmp).status();   \
  lhs = *std::move(tmp)

#endif  // FLOTILLA_BASE_STATUS_MACROS_H_

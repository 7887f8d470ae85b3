// How the client says that something failed: a canonical code, a stable reason to decide by, what
// became of the write, and a sentence for people. No exceptions are thrown anywhere.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_STATUS_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_STATUS_H_

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flotilla/export.h"

namespace flotilla {
inline namespace client_v1 {

// The canonical codes of gRPC, with their numbers.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};
// As in "NOT_FOUND".
FLOTILLA_EXPORT std::string_view ToString(StatusCode code);

// What became of a write that failed.
enum class Outcome : uint8_t {
  kNotApplied = 1,  // it did not happen and never will; also of every failed read
  kApplied = 2,     // it happened; only its answer was lost
  kUnknown = 3,     // it may have happened, or may still happen shortly, or a part of it has
};
// As in "NOT_APPLIED".
FLOTILLA_EXPORT std::string_view ToString(Outcome outcome);

// The reasons that programs most often decide by. The server may send others: see docs/api.md.
namespace reason {
inline constexpr std::string_view kKeyNotFound = "KEY_NOT_FOUND";
inline constexpr std::string_view kInvalidRequest = "INVALID_REQUEST";
inline constexpr std::string_view kNoLeader = "NO_LEADER";
inline constexpr std::string_view kOverloaded = "OVERLOADED";
inline constexpr std::string_view kDiskFull = "DISK_FULL";
inline constexpr std::string_view kNotANumber = "NOT_A_NUMBER";
inline constexpr std::string_view kSessionUnknown = "SESSION_UNKNOWN";
// The client's own:
inline constexpr std::string_view kUnreachable = "UNREACHABLE";             // no node answered
inline constexpr std::string_view kClientClosed = "CLIENT_CLOSED";          // destroyed meanwhile
inline constexpr std::string_view kClientOverloaded = "CLIENT_OVERLOADED";  // max_pending_bytes
}  // namespace reason

// Immutable, cheap to copy; OK costs nothing. Thread-safe as any value is.
class [[nodiscard]] FLOTILLA_EXPORT Status {
 public:
  struct Fields {
    StatusCode code = StatusCode::kUnknown;
    std::string message;
    std::string reason;
    Outcome outcome = Outcome::kNotApplied;
    // How long to wait before trying again; 0: no advice.
    std::chrono::milliseconds retry_after{0};
    // Name and value of what else is known, as "attempts" and "endpoint".
    std::vector<std::pair<std::string, std::string>> details;
  };

  Status() noexcept = default;  // OK
  // A code of kOk makes an OK status and forgets the rest.
  explicit Status(Fields fields);
  Status(StatusCode code, std::string message, std::string_view reason = {});

  bool ok() const { return fields_ == nullptr; }
  StatusCode code() const { return ok() ? StatusCode::kOk : fields_->code; }
  const std::string& message() const { return fields().message; }
  const std::string& reason() const { return fields().reason; }
  // Of a failed write; kApplied when ok().
  Outcome outcome() const { return ok() ? Outcome::kApplied : fields_->outcome; }
  std::chrono::milliseconds retry_after() const { return fields().retry_after; }
  const std::vector<std::pair<std::string, std::string>>& details() const {
    return fields().details;
  }

  // "OK", or "UNAVAILABLE: no node answered (reason=UNREACHABLE, outcome=NOT_APPLIED)".
  std::string ToString() const;

 private:
  const Fields& fields() const;

  // Shared, because it never changes; null: OK.
  std::shared_ptr<const Fields> fields_;
};
FLOTILLA_EXPORT std::ostream& operator<<(std::ostream& os, const Status& status);

inline bool IsNotFound(const Status& status) { return status.code() == StatusCode::kNotFound; }

namespace internal {
// Prints the error that somebody took for a value, and aborts.
[[noreturn]] FLOTILLA_EXPORT void AbortOnMissingValue(const Status& status);
}  // namespace internal

// A value, or the error that stands in its place.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  using value_type = T;

  // Precondition: !status.ok().
  StatusOr(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    if (status_.ok()) internal::AbortOnMissingValue(status_);
  }
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return value_.has_value(); }
  const Status& status() const& { return status_; }
  Status status() && { return std::move(status_); }

  // Precondition: ok(); aborts with the error otherwise.
  T& value() & {
    Require();
    return *value_;
  }
  const T& value() const& {
    Require();
    return *value_;
  }
  T&& value() && {
    Require();
    return *std::move(value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <typename U>
  T value_or(U&& otherwise) const& {
    return ok() ? *value_ : static_cast<T>(std::forward<U>(otherwise));
  }

 private:
  void Require() const {
    if (!ok()) internal::AbortOnMissingValue(status_);
  }

  // Invariant: status_.ok() == value_.has_value().
  Status status_;
  std::optional<T> value_;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_STATUS_H_

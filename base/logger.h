// Structured log lines, as a port: an event with a stable name (docs/operations.md lists them) and
// typed fields. The server writes JSON lines, the simulator keeps them as the trace of a seed.
#ifndef FLOTILLA_BASE_LOGGER_H_
#define FLOTILLA_BASE_LOGGER_H_

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"

namespace flotilla {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogField {
  template <std::unsigned_integral T>
  LogField(std::string_view n, T v) : name(n), value(static_cast<uint64_t>(v)) {}
  template <std::signed_integral T>
  LogField(std::string_view n, T v) : name(n), value(static_cast<int64_t>(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  LogField(std::string_view n, double v) : name(n), value(v) {}
  LogField(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  template <typename Tag>
  LogField(std::string_view n, StrongId<Tag> v) : name(n), value(v.value()) {}
  template <typename Tag>
  LogField(std::string_view n, StrongPosition<Tag> v) : name(n), value(v.value()) {}

  std::string_view name;
  std::variant<bool, int64_t, uint64_t, double, std::string> value;
};

// Thread-safe.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool Enabled(LogLevel level) const = 0;
  virtual void Write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) = 0;

  void Debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kDebug)) Write(LogLevel::kDebug, event, fields);
  }
  void Info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kInfo)) Write(LogLevel::kInfo, event, fields);
  }
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kWarning)) Write(LogLevel::kWarning, event, fields);
  }
  void Error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    if (Enabled(LogLevel::kError)) Write(LogLevel::kError, event, fields);
  }
};

// Says nothing.
class NullLogger : public Logger {
 public:
  bool Enabled(LogLevel) const override { return false; }
  void Write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

}  // namespace flotilla

#endif  // FLOTILLA_BASE_LOGGER_H_

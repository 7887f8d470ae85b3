#include "server/json_logger.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <ctime>
#include <variant>

#include "nlohmann/json.hpp"
#include "server/value_text.h"

namespace flotilla::server {
namespace {

// "2024-05-01T12:00:00.123456Z".
std::string Timestamp(WallTime time) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = micros / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char text[40];
  const size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + size, sizeof(text) - size, ".%06dZ", static_cast<int>(micros % 1'000'000));
  return text;
}

// Bytes that are no UTF-8 become U+FFFD: a log line is always valid JSON.
std::string Quoted(std::string_view text) {
  using Json = nlohmann::json;
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Text(const decltype(LogField::value)& value) {
  struct Visitor {
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(uint64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return std::isfinite(v) ? std::to_string(v) : "null"; }
    std::string operator()(const std::string& v) const { return Quoted(v); }
  };
  return std::visit(Visitor(), value);
}

}  // namespace

JsonLogger::JsonLogger(Clock& clock, NodeId node, LogLevel least, int descriptor)
    : clock_(clock), node_(node), least_(least), descriptor_(descriptor) {}

void JsonLogger::Write(LogLevel level, std::string_view event,
                       std::initializer_list<LogField> fields) {
  std::string line = R"({"ts":")" + Timestamp(clock_.WallNow()) + R"(","level":")";
  line.append(ToString(level)).append(R"(","node":)").append(flotilla::ToString(node_));
  line.append(R"(,"event":)").append(Quoted(event));
  for (const LogField& field : fields) {
    line.append(",").append(Quoted(field.name)).append(":").append(Text(field.value));
  }
  line += "}\n";
  // There is nowhere to report a failure of it.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_, line.data(), line.size());
}

}  // namespace flotilla::server

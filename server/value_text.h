// Values of settings as people write them, in flags, the environment and files alike.
#ifndef FLOTILLA_SERVER_VALUE_TEXT_H_
#define FLOTILLA_SERVER_VALUE_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/logger.h"

namespace flotilla::server {

// "host:port", "[::1]:6170". Port 0 takes any free one.
struct Address {
  std::string host;
  uint16_t port = 0;

  bool empty() const { return host.empty(); }
  friend bool operator==(const Address&, const Address&) = default;
};

// "64MiB", "512KiB", "1GiB", or plain bytes.
struct ByteSize {
  uint64_t bytes = 0;
  friend bool operator==(ByteSize, ByteSize) = default;
};

// Each reads the whole text or fails with kInvalidArgument, which shows a value that would do.
absl::Status ParseValue(std::string_view text, uint64_t* value);
absl::Status ParseValue(std::string_view text, bool* value);         // "true", "false"
absl::Status ParseValue(std::string_view text, std::string* value);  // not empty
absl::Status ParseValue(std::string_view text, ByteSize* value);
absl::Status ParseValue(std::string_view text, Duration* value);  // "250ms", "1.5s", "10m", "2h"
absl::Status ParseValue(std::string_view text, Address* value);
absl::Status ParseValue(std::string_view text, std::vector<Address>* value);  // comma-separated
absl::Status ParseValue(std::string_view text, LogLevel* value);

// What ParseValue reads back as the same value; an empty address is "".
std::string FormatValue(uint64_t value);
std::string FormatValue(bool value);
std::string FormatValue(const std::string& value);
std::string FormatValue(ByteSize value);
std::string FormatValue(Duration value);
std::string FormatValue(const Address& value);
std::string FormatValue(const std::vector<Address>& value);
std::string FormatValue(LogLevel value);

// "debug", "info", "warning", "error".
std::string_view ToString(LogLevel level);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_VALUE_TEXT_H_

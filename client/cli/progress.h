// One line on a terminal that is overwritten as work goes on; nothing at all elsewhere, so that
// logs and pipes stay clean.
#ifndef FLOTILLA_CLIENT_CLI_PROGRESS_H_
#define FLOTILLA_CLIENT_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "client/cli/environment.h"

namespace flotilla::client::cli {

// Text of any kind.
class StatusLine {
 public:
  // The environment outlives it.
  explicit StatusLine(Environment& environment) : environment_(environment) {}
  // Clears the line.
  ~StatusLine() { Clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void Show(std::string_view text);
  void Clear();

 private:
  Environment& environment_;
  bool visible_ = false;
};

// How many records are through.
class Progress {
 public:
  // `total` bytes of input, where they are known. The environment outlives it.
  Progress(Environment& environment, std::string verb, std::optional<uint64_t> total);

  void Add(uint64_t bytes);

  uint64_t records() const { return records_; }
  uint64_t bytes() const { return bytes_; }
  double seconds() const;
  // "63,000 records, 50.1 MB, 3.2 s, 19,700 records/s".
  std::string Summary() const;

 private:
  void Draw();

  Environment& environment_;
  const std::string verb_;
  const std::optional<uint64_t> total_;
  const std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point drawn_;
  uint64_t records_ = 0;
  uint64_t bytes_ = 0;
  StatusLine line_;
};

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_PROGRESS_H_

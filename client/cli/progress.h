// One line on a terminal that is overwritten as work goes on; nothing at all elsewhere, so that
// logs and pipes stay clean.
#ifndef FLOTILLA_CLIENT_CLI_PROGRESS_H_
#define FLOTILLA_CLIENT_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "client/cli/environment.h"

namespace flotilla::client::cli {

class Progress {
 public:
  // `total` bytes of input, where they are known. The environment outlives it.
  Progress(Environment& environment, std::string verb, std::optional<uint64_t> total);
  // Clears the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

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
  bool visible_ = false;
};

}  // namespace flotilla::client::cli

#endif  // FLOTILLA_CLIENT_CLI_PROGRESS_H_

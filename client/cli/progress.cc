#include "client/cli/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace flotilla::client::cli {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRedrawAfter{100};
constexpr int kBarColumns = 30;
// Looking at the clock costs more than counting.
constexpr uint64_t kRecordsPerLook = 64;

std::string WithThousands(uint64_t number) {
  std::string text = std::to_string(number);
  for (int at = static_cast<int>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), ",");
  }
  return text;
}

std::string OneDecimal(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number);
  return text.data();
}

}  // namespace

void StatusLine::Show(std::string_view text) {
  if (!environment_.err_is_terminal) return;
  visible_ = true;
  environment_.err << "\r\033[K" << text << std::flush;
}

void StatusLine::Clear() {
  if (std::exchange(visible_, false)) environment_.err << "\r\033[K" << std::flush;
}

Progress::Progress(Environment& environment, std::string verb, std::optional<uint64_t> total)
    : environment_(environment),
      verb_(std::move(verb)),
      total_(total),
      started_(environment.now()),
      drawn_(started_),
      line_(environment) {}

void Progress::Add(uint64_t bytes) {
  ++records_;
  bytes_ += bytes;
  if (!environment_.err_is_terminal || records_ % kRecordsPerLook != 0) return;
  const auto now = environment_.now();
  if (now - drawn_ < kRedrawAfter) return;
  drawn_ = now;
  Draw();
}

double Progress::seconds() const {
  return std::chrono::duration<double>(environment_.now() - started_).count();
}

std::string Progress::Summary() const {
  const double elapsed = std::max(seconds(), 0.001);
  return WithThousands(records_) + " records, " + OneDecimal(static_cast<double>(bytes_) / 1e6) +
         " MB, " + OneDecimal(elapsed) + " s, " +
         WithThousands(static_cast<uint64_t>(static_cast<double>(records_) / elapsed)) +
         " records/s";
}

void Progress::Draw() {
  std::string text = verb_ + " ";
  if (total_.has_value() && *total_ > 0) {
    const double part = std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(*total_));
    const int filled = static_cast<int>(part * kBarColumns);
    text += "[" + std::string(static_cast<size_t>(filled), '#') +
            std::string(static_cast<size_t>(kBarColumns - filled), ' ') + "] " +
            std::to_string(static_cast<int>(part * 100)) + " %  ";
  }
  line_.Show(text + Summary());
}

}  // namespace flotilla::client::cli

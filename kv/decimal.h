// Numbers as Increment keeps them: decimal text, as Redis does, so that Get shows what was counted.
#ifndef FLOTILLA_KV_DECIMAL_H_
#define FLOTILLA_KV_DECIMAL_H_

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flotilla::kv {

// Accepts exactly what std::to_string(int64_t) writes: no spaces, plus sign, leading zeros or -0.
inline std::optional<int64_t> ParseDecimal(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  const std::string_view digits = text.substr(text.front() == '-' ? 1 : 0);
  if (digits.front() == '0' && text.size() > 1) return std::nullopt;
  return number;
}

// nullopt on overflow.
inline std::optional<int64_t> AddExactly(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_DECIMAL_H_

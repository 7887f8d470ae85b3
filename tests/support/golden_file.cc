#include "tests/support/golden_file.h"

#include <cctype>
#include <fstream>

#include "tests/support/source_path.h"
#include <gtest/gtest.h>

namespace flotilla::tests {

std::string ReadGoldenFile(std::string_view name) {
  const std::string path = SourcePath("tests/golden/" + std::string(name));
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::string digits;
  for (std::string line; std::getline(file, line);) {
    for (const char c : line.substr(0, line.find('#'))) {
      if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
      EXPECT_TRUE(std::isxdigit(static_cast<unsigned char>(c)) != 0) << path << ": " << c;
      digits += c;
    }
  }
  EXPECT_EQ(digits.size() % 2, 0u) << path;
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

}  // namespace flotilla::tests

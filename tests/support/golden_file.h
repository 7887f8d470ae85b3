// Files of tests/golden: one of each durable format, as an earlier build wrote it and as every
// later build must read it. Hexadecimal text, free to be broken into lines; '#' begins a comment.
#ifndef FLOTILLA_TESTS_SUPPORT_GOLDEN_FILE_H_
#define FLOTILLA_TESTS_SUPPORT_GOLDEN_FILE_H_

#include <string>
#include <string_view>

namespace flotilla::tests {

// The bytes of tests/golden/<name>. Fails the test when it is missing or not hexadecimal.
std::string ReadGoldenFile(std::string_view name);

// "00ff12", to show what a golden file should hold.
std::string ToHex(std::string_view bytes);

}  // namespace flotilla::tests

#endif  // FLOTILLA_TESTS_SUPPORT_GOLDEN_FILE_H_

// The way from a test to files of the source tree: golden files, scenarios, the README.

#ifndef FLOTILLA_TESTS_SUPPORT_SOURCE_PATH_H_
#define FLOTILLA_TESTS_SUPPORT_SOURCE_PATH_H_

#include <string>
#include <string_view>

namespace flotilla::tests {

// The absolute path of `relative`, a path from the top of the source tree:
// "tests/golden/entry.bin".
std::string SourcePath(std::string_view relative);

}  // namespace flotilla::tests

#endif  // FLOTILLA_TESTS_SUPPORT_SOURCE_PATH_H_

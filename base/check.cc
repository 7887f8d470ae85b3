#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace flotilla::check_internal {

void Fail(const char* file, int line, std::string_view what) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %.*s\n", file, line, static_cast<int>(what.size()),
               what.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace flotilla::check_internal

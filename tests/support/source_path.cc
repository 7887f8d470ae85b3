#include "tests/support/source_path.h"

namespace flotilla::tests {

std::string SourcePath(std::string_view relative) {
  std::string path = FLOTILLA_SOURCE_DIR "/";
  path += relative;
  return path;
}

}  // namespace flotilla::tests

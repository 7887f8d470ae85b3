#include "server/version.h"

namespace flotilla::server {

std::string_view Version() { return FLOTILLA_VERSION; }

}  // namespace flotilla::server

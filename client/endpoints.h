// "host:port" lists, as users write them.
#ifndef FLOTILLA_CLIENT_ENDPOINTS_H_
#define FLOTILLA_CLIENT_ENDPOINTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "flotilla/status.h"

namespace flotilla::client {

// Comma-separated; blanks around an endpoint do not count, and a missing port is 6170. IPv6
// addresses are bracketed: "[::1]:6170". INVALID_ARGUMENT names the part that is wrong.
StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view text);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_ENDPOINTS_H_

// The version of this build, as the project declares it.
#ifndef FLOTILLA_SERVER_VERSION_H_
#define FLOTILLA_SERVER_VERSION_H_

#include <string_view>

namespace flotilla::server {

// "0.1.0".
std::string_view Version();

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_VERSION_H_

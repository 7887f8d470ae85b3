#include "flotilla/types.h"

namespace flotilla {
inline namespace client_v1 {

KeyRange KeyRange::Prefix(std::string_view prefix) {
  // The first key behind all that begin with the prefix: its last byte that can grow, grown.
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return {std::string(prefix), std::move(end)};
}

}  // namespace client_v1
}  // namespace flotilla

// Bytes that are written once and then shared: an entry's payload is encoded by the leader, and the
// in-memory log, the disk writer, every peer's message and the state machine hold the same buffer.
#ifndef FLOTILLA_BASE_BYTES_H_
#define FLOTILLA_BASE_BYTES_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace flotilla {

using SharedBytes = std::shared_ptr<const std::string>;

inline SharedBytes MakeBytes(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}
// An absent buffer reads as empty.
inline std::string_view View(const SharedBytes& bytes) {
  return bytes == nullptr ? std::string_view() : std::string_view(*bytes);
}

}  // namespace flotilla

#endif  // FLOTILLA_BASE_BYTES_H_

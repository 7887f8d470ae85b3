#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace flotilla {

uint32_t ExtendCrc32c(uint32_t crc, std::string_view data) {
  // ISA-L neither inverts its seed nor its result, and takes a pointer that it does not write to.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  return ~crc32_iscsi(bytes, static_cast<int>(data.size()), ~crc);
}

uint32_t Crc32c(std::string_view data) { return ExtendCrc32c(0, data); }

}  // namespace flotilla

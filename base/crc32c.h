// CRC32C (Castagnoli, RFC 3720): with the processor's own instruction where there is one.
#ifndef FLOTILLA_BASE_CRC32C_H_
#define FLOTILLA_BASE_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace flotilla {

// Of "123456789": 0xe3069283.
uint32_t Crc32c(std::string_view data);
// Of a + b, where `crc` is that of a.
uint32_t ExtendCrc32c(uint32_t crc, std::string_view data);

}  // namespace flotilla

#endif  // FLOTILLA_BASE_CRC32C_H_

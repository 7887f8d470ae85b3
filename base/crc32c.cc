#include "base/crc32c.h"

#include <isa-l/crc.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace flotilla {

namespace {

// ISA-L 2.30's version for AVX-512 (crc32_iscsi_by16_10) leaves the upper halves of the vector
// registers in use, and until they are clean each change between SSE and AVX code costs the
// processor a hundred cycles: what follows, floating-point arithmetic above all, took up to twenty
// times as long.
#ifdef __x86_64__
__attribute__((target("avx"))) void ZeroUpperHalves() { _mm256_zeroupper(); }

void CleanVectorRegisters() {
  static const bool kHasUpperHalves = __builtin_cpu_supports("avx") != 0;
  if (kHasUpperHalves) ZeroUpperHalves();
}
#else
void CleanVectorRegisters() {}
#endif

}  // namespace

uint32_t ExtendCrc32c(uint32_t crc, std::string_view data) {
  // ISA-L neither inverts its seed nor its result, and takes a pointer that it does not write to.
  auto* bytes = reinterpret_cast<unsigned char*>(const_cast<char*>(data.data()));
  const uint32_t extended = ~crc32_iscsi(bytes, static_cast<int>(data.size()), ~crc);
  CleanVectorRegisters();
  return extended;
}

uint32_t Crc32c(std::string_view data) { return ExtendCrc32c(0, data); }

}  // namespace flotilla

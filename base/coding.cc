#include "base/coding.h"

#include <bit>
#include <cstring>
#include <type_traits>

namespace flotilla {

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

namespace {

template <typename T>
void PutRaw(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

template <typename T>
T TakeRaw(Decoder& in) {
  const std::string_view bytes = in.Raw(sizeof(T));
  T value = 0;
  if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

void PutFixed8(std::string& out, uint8_t value) { PutRaw(out, value); }
void PutFixed16(std::string& out, uint16_t value) { PutRaw(out, value); }
void PutFixed32(std::string& out, uint32_t value) { PutRaw(out, value); }
void PutFixed64(std::string& out, uint64_t value) { PutRaw(out, value); }

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void PutSignedVarint(std::string& out, int64_t value) {
  PutVarint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void PutString(std::string& out, std::string_view value) {
  PutVarint(out, value.size());
  out.append(value);
}

void PutOrdered64(std::string& out, uint64_t value) { PutRaw(out, __builtin_bswap64(value)); }

void StoreFixed32(char* at, uint32_t value) { std::memcpy(at, &value, sizeof(value)); }
void StoreFixed64(char* at, uint64_t value) { std::memcpy(at, &value, sizeof(value)); }

uint32_t LoadFixed32(const char* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint64_t LoadFixed64(const char* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint8_t Decoder::Fixed8() { return TakeRaw<uint8_t>(*this); }

bool Decoder::Bool() {
  const uint8_t value = Fixed8();
  if (value > 1) Fail();
  return value == 1;
}

uint16_t Decoder::Fixed16() { return TakeRaw<uint16_t>(*this); }
uint32_t Decoder::Fixed32() { return TakeRaw<uint32_t>(*this); }
uint64_t Decoder::Fixed64() { return TakeRaw<uint64_t>(*this); }
uint64_t Decoder::Ordered64() { return __builtin_bswap64(TakeRaw<uint64_t>(*this)); }

uint64_t Decoder::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    // The tenth byte holds one bit only: more would not fit in 64.
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  Fail();
  return 0;
}

int64_t Decoder::SignedVarint() {
  const uint64_t raw = Varint();
  return static_cast<int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
}

std::string_view Decoder::String() { return Raw(Varint()); }

std::string_view Decoder::Raw(size_t size) {
  if (!ok_ || size > rest_.size()) {
    Fail();
    return {};
  }
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

absl::Status Decoder::Finish(std::string_view what) const {
  if (ok_ && rest_.empty()) return absl::OkStatus();
  return absl::DataLossError(std::string(what) + (ok_ ? " has bytes left over" : " is cut short"));
}

void PutFormatHeader(std::string& out, uint8_t kind, uint8_t version) {
  PutFixed8(out, kind);
  PutFixed8(out, version);
  PutFixed8(out, 0);
}

absl::Status ReadFormatHeader(Decoder& in, uint8_t kind, uint8_t newest_version,
                              std::string_view what, FormatHeader* header) {
  FormatHeader read{.kind = in.Fixed8(), .version = in.Fixed8(), .flags = in.Fixed8()};
  const std::string name(what);
  if (!in.ok()) return absl::DataLossError(name + " is cut short");
  if (read.kind != kind) {
    return absl::DataLossError(name + " is of unknown kind " + std::to_string(read.kind) +
                               " (expected " + std::to_string(kind) + ")");
  }
  if (read.version == 0 || read.version > newest_version) {
    return absl::UnimplementedError(name + " has format version " + std::to_string(read.version) +
                                    "; this build reads up to " + std::to_string(newest_version));
  }
  if (read.flags != 0) {
    return absl::UnimplementedError(name + " has unknown flags " + std::to_string(read.flags));
  }
  if (header != nullptr) *header = read;
  return absl::OkStatus();
}

}  // namespace flotilla

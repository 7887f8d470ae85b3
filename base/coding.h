// Integers and strings to bytes and back, little-endian, for every durable and wire format
// (docs/formats.md). Writers append to a std::string; readers consume a Decoder, which remembers
// the first failure, so that a caller decodes a whole record and checks ok() once.
#ifndef FLOTILLA_BASE_CODING_H_
#define FLOTILLA_BASE_CODING_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace flotilla {

void PutFixed8(std::string& out, uint8_t value);
void PutFixed16(std::string& out, uint16_t value);
void PutFixed32(std::string& out, uint32_t value);
void PutFixed64(std::string& out, uint64_t value);
// LEB128: 7 bits a byte, at most 10 bytes.
void PutVarint(std::string& out, uint64_t value);
// ZigZag, then LEB128: small magnitudes of either sign are short.
void PutSignedVarint(std::string& out, int64_t value);
// Varint length, then the bytes.
void PutString(std::string& out, std::string_view value);
// Big-endian: the order of the bytes is the order of the numbers, for keys.
void PutOrdered64(std::string& out, uint64_t value);

// Overwrites bytes that were appended before.
void StoreFixed32(char* at, uint32_t value);
void StoreFixed64(char* at, uint64_t value);
uint32_t LoadFixed32(const char* at);
uint64_t LoadFixed64(const char* at);

// Reads from the front of a buffer that outlives it. After a failure every read returns 0 or empty.
class Decoder {
 public:
  explicit Decoder(std::string_view input) : rest_(input) {}

  uint8_t Fixed8();
  // A byte that is 0 or 1; anything else fails.
  bool Bool();
  uint16_t Fixed16();
  uint32_t Fixed32();
  uint64_t Fixed64();
  uint64_t Varint();
  int64_t SignedVarint();
  // A view into the input.
  std::string_view String();
  std::string_view Raw(size_t size);
  uint64_t Ordered64();

  bool ok() const { return ok_; }
  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  // For the caller's own checks (unknown kind, impossible count).
  void Fail() {
    ok_ = false;
    rest_ = {};
  }
  // OK when everything was read and nothing is left, else kDataLoss naming `what`.
  absl::Status Finish(std::string_view what) const;

 private:
  std::string_view rest_;
  bool ok_ = true;
};

// Every format begins with these three bytes. Flags are reserved (compression, encryption) and must
// be 0 until a version gives them a meaning.
struct FormatHeader {
  uint8_t kind = 0;
  uint8_t version = 0;
  uint8_t flags = 0;
};

void PutFormatHeader(std::string& out, uint8_t kind, uint8_t version);

// Reads a header and refuses what this build cannot read, before anything is changed:
// kDataLoss for another kind or a cut header, kUnimplemented for a newer version or unknown flags.
absl::Status ReadFormatHeader(Decoder& in, uint8_t kind, uint8_t newest_version,
                              std::string_view what, FormatHeader* header = nullptr);

}  // namespace flotilla

#endif  // FLOTILLA_BASE_CODING_H_

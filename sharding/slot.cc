#include "sharding/slot.h"

#include <array>

namespace flotilla::sharding {

namespace {

// CRC16-XMODEM: polynomial 0x1021, initial value 0, nothing reflected, nothing inverted at the end.
constexpr uint16_t kPolynomial = 0x1021;

constexpr std::array<uint16_t, 256> MakeTable() {
  std::array<uint16_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    auto crc = static_cast<uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 0x8000) != 0;
      crc = static_cast<uint16_t>((crc << 1) ^ (carry ? kPolynomial : 0));
    }
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<uint16_t, 256> kTable = MakeTable();

}  // namespace

uint16_t Crc16(std::string_view data) {
  uint16_t crc = 0;
  for (const char c : data) {
    const auto index = static_cast<uint8_t>((crc >> 8) ^ static_cast<uint8_t>(c));
    crc = static_cast<uint16_t>((crc << 8) ^ kTable[index]);
  }
  return crc;
}

std::string_view HashTag(std::string_view key) {
  const size_t open = key.find('{');
  if (open == std::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

Slot SlotOf(std::string_view key) {
  return Slot{static_cast<uint16_t>(Crc16(HashTag(key)) % kSlotCount)};
}

std::optional<Slot> SlotOfRange(std::string_view from, std::string_view to) {
  const std::string_view tag = HashTag(from);
  if (tag.size() == from.size()) return std::nullopt;
  // With the brace behind the tag. The first string that does not begin with it, but is above all
  // that do, has the next character in the place of that brace.
  const std::string_view head = from.substr(0, tag.data() + tag.size() + 1 - from.data());
  const bool ends_inside = to.starts_with(head);
  const bool ends_behind = to.size() == head.size() &&
                           to.starts_with(head.substr(0, head.size() - 1)) && to.back() == '}' + 1;
  if (!ends_inside && !ends_behind) return std::nullopt;
  return SlotOf(from);
}

}  // namespace flotilla::sharding

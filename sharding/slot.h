// The hash ring: 16,384 points. Redis Cluster's function on purpose, so that its clients can route
// to us without translation (Redis Cluster specification, "Key distribution model").
#ifndef FLOTILLA_SHARDING_SLOT_H_
#define FLOTILLA_SHARDING_SLOT_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flotilla::sharding {

inline constexpr uint32_t kSlotCount = 16384;

// A point of the ring, in [0, kSlotCount).
struct Slot {
  uint16_t value = 0;
  friend auto operator<=>(Slot, Slot) = default;
};

// CRC16-XMODEM. Of "123456789": 0x31c3.
uint16_t Crc16(std::string_view data);

// The part of a key that decides its slot: what is between its first '{' and the first '}' after
// that, if both are there and anything is between them, else the whole key. So the tag of "{{a}}"
// is
// "{a", and "{}{a}" has none. Keys with one tag share a slot, and so can share an atomic command.
std::string_view HashTag(std::string_view key);

// Crc16 of the hash tag, modulo 16,384.
Slot SlotOf(std::string_view key);

// The slot of all keys in [from, to), where a hash tag that they begin with tells; an empty `to` is
// no bound.
std::optional<Slot> SlotOfRange(std::string_view from, std::string_view to);

// A contiguous range of slots, both ends included; never empty.
struct Arc {
  Slot first{0};
  Slot last{kSlotCount - 1};

  bool IsWholeRing() const { return first.value == 0 && last.value == kSlotCount - 1; }
  bool Contains(Slot slot) const { return first <= slot && slot <= last; }
  // Whether something is left on both sides of a cut before this slot.
  bool IsCutBy(Slot slot) const { return first < slot && slot <= last; }
  friend bool operator==(const Arc&, const Arc&) = default;
};

}  // namespace flotilla::sharding

#endif  // FLOTILLA_SHARDING_SLOT_H_

#include "kv/arc_codec.h"

namespace flotilla::kv {

void PutArc(std::string& out, const sharding::Arc& arc) {
  PutFixed16(out, arc.first.value);
  PutFixed16(out, arc.last.value);
}

sharding::Arc TakeArc(Decoder& in) {
  const sharding::Slot first{in.Fixed16()};
  const sharding::Slot last{in.Fixed16()};
  if (last < first || last.value >= sharding::kSlotCount) in.Fail();
  return {first, last};
}

}  // namespace flotilla::kv

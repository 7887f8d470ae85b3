// The slots of a shard inside a larger record: the first and the last, two bytes each.
#ifndef FLOTILLA_KV_ARC_CODEC_H_
#define FLOTILLA_KV_ARC_CODEC_H_

#include <string>

#include "base/coding.h"
#include "sharding/slot.h"

namespace flotilla::kv {

void PutArc(std::string& out, const sharding::Arc& arc);
// One that is empty or goes beyond the ring fails the decoder.
sharding::Arc TakeArc(Decoder& in);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_ARC_CODEC_H_

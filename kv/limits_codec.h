// Limits to bytes and back: a part of the shard row, of IDENTITY and of the peer protocol.
#ifndef FLOTILLA_KV_LIMITS_CODEC_H_
#define FLOTILLA_KV_LIMITS_CODEC_H_

#include <string>

#include "base/coding.h"
#include "kv/limits.h"

namespace flotilla::kv {

void PutLimits(std::string& out, const Limits& limits);
void PutSessionLimits(std::string& out, const SessionLimits& limits);
// These fail the decoder when a number does not fit.
Limits TakeLimits(Decoder& in);
SessionLimits TakeSessionLimits(Decoder& in);

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_LIMITS_CODEC_H_

// Failures in the public API's terms.
#ifndef FLOTILLA_SERVER_ERROR_CODEC_H_
#define FLOTILLA_SERVER_ERROR_CODEC_H_

#include "kv/result.h"
#include "node/request.h"

namespace flotilla::v1 {
class Error;
}  // namespace flotilla::v1

namespace flotilla::server {

enum class Effect { kRead, kWrite };

// Only a write has an outcome.
void EncodeError(const node::Error& error, Effect effect, v1::Error* out);

// A command that a shard executed or refused, with a code that is no plain answer.
void EncodeFailure(const kv::CommandResult& result, v1::Error* out);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_ERROR_CODEC_H_

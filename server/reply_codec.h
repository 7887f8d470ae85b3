// From the node's replies to the public API's messages. Values are moved, not copied.
#ifndef FLOTILLA_SERVER_REPLY_CODEC_H_
#define FLOTILLA_SERVER_REPLY_CODEC_H_

#include <cstddef>

#include "server/client_operation.h"
#include "sharding/slot.h"

namespace flotilla::v1 {
class PipelineResult;
class SlotRange;
}  // namespace flotilla::v1

namespace flotilla::server {

// `out` is empty before; afterwards it has the id and one result: the response that belongs to the
// kind of the operation, or an Error.
void EncodeAnswer(Answer answer, v1::PipelineResult* out);

void EncodeArc(const sharding::Arc& arc, v1::SlotRange* out);

// Of keys and values: what an answer adds to a message, nearly.
size_t ByteSize(const Answer& answer);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_REPLY_CODEC_H_

// What a gRPC call says besides its message.
#ifndef FLOTILLA_SERVER_CALL_INFO_H_
#define FLOTILLA_SERVER_CALL_INFO_H_

#include "base/clock.h"
#include "server/request_codec.h"

namespace grpc {
class CallbackServerContext;
}  // namespace grpc

namespace flotilla::server {

// The deadline becomes one of the node's own clock. The principal is empty, that is anonymous,
// until connections have identities.
CallInfo InfoOf(const grpc::CallbackServerContext& context, const Clock& clock);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_CALL_INFO_H_

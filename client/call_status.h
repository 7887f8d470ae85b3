// The words for calls that failed: what, why, and what is true about the write.
#ifndef FLOTILLA_CLIENT_CALL_STATUS_H_
#define FLOTILLA_CLIENT_CALL_STATUS_H_

#include <string_view>

#include "client/pending_call.h"
#include "client/server_error.h"
#include "flotilla/status.h"

namespace flotilla::client {

Status StatusOf(const ServerError& error, Outcome outcome);

// Of a call whose time is up. `endpoints` are the nodes that were known.
Status LateStatus(const PendingCall& call, std::string_view endpoints);

// Of a call that the closing of the client ended.
Status ClosedStatus(const PendingCall& call);

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_CALL_STATUS_H_

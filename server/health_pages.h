// /livez and /readyz: what is well and what is not, one line each with ?verbose, as Kubernetes'
// own servers write it.
#ifndef FLOTILLA_SERVER_HEALTH_PAGES_H_
#define FLOTILLA_SERVER_HEALTH_PAGES_H_

#include "server/http_endpoint.h"
#include "server/status_board.h"

namespace flotilla::server {

// Whether the process is worth keeping: 200, or 503 when the node's executor has hung.
HttpReply LivePage(const StatusBoard& board, const HttpQuery& query);
// Whether requests should be sent here: 200, or 503.
HttpReply ReadyPage(const StatusBoard& board, const HttpQuery& query);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_HEALTH_PAGES_H_

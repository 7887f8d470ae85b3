// Settings in the terms of the parts that they configure.
#ifndef FLOTILLA_SERVER_NODE_OPTIONS_H_
#define FLOTILLA_SERVER_NODE_OPTIONS_H_

#include "node/node.h"
#include "server/gateway.h"
#include "server/peer_environment.h"
#include "server/request_codec.h"
#include "server/server_options.h"
#include "storage/leveldb_engine.h"

namespace flotilla::server {

// `options` are completed.
node::NodeOptions NodeOptionsOf(const ServerOptions& options);
PeerOptions PeerOptionsOf(const ServerOptions& options);
RequestOptions RequestOptionsOf(const ServerOptions& options);
Gateway::Options GatewayOptionsOf(const ServerOptions& options);
storage::LevelDBOptions EngineOptionsOf(const ServerOptions& options);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_NODE_OPTIONS_H_

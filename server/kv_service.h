// flotilla.v1.KvService on a node.
#ifndef FLOTILLA_SERVER_KV_SERVICE_H_
#define FLOTILLA_SERVER_KV_SERVICE_H_

#include <memory>

#include "server/gateway.h"
#include "server/request_codec.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace flotilla::server {

// Both outlive the service.
std::unique_ptr<grpc::Service> NewKvService(Gateway& gateway, const RequestCodec& codec);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_KV_SERVICE_H_

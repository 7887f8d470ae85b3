// Answers calls of services and methods that this server does not have, as a client of another
// version of the API makes them, so that its user learns more than "unimplemented".
#ifndef FLOTILLA_SERVER_UNKNOWN_CALLS_H_
#define FLOTILLA_SERVER_UNKNOWN_CALLS_H_

#include "grpcpp/generic/async_generic_service.h"

namespace flotilla::server {

class UnknownCalls : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_UNKNOWN_CALLS_H_

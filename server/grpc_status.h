// Failures of unary calls as gRPC statuses, with google.rpc details that clients in every language
// decode.
#ifndef FLOTILLA_SERVER_GRPC_STATUS_H_
#define FLOTILLA_SERVER_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace flotilla::v1 {
class Error;
}  // namespace flotilla::v1

namespace flotilla::server {

// Details: ErrorInfo (domain "flotilla", reason without the enum's prefix, metadata "outcome" of
// writes), RetryInfo where a wait is advised, and the Error itself.
grpc::Status ToGrpcStatus(const v1::Error& error);

// Of calls that are no operations on data. Without details.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_GRPC_STATUS_H_

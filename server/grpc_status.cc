#include "server/grpc_status.h"

#include <string>

#include "base/status_macros.h"
#include "flotilla/v1/error.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace flotilla::server {
namespace {

// "REASON_NOT_LEADER" -> "NOT_LEADER".
std::string WithoutPrefix(const std::string& name, std::string_view prefix) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

google::rpc::ErrorInfo InfoOf(const v1::Error& error) {
  google::rpc::ErrorInfo info;
  info.set_domain("flotilla");
  info.set_reason(WithoutPrefix(v1::Reason_Name(error.reason()), "REASON_"));
  auto& metadata = *info.mutable_metadata();
  if (error.outcome() != v1::OUTCOME_UNSPECIFIED) {
    metadata["outcome"] = WithoutPrefix(v1::Outcome_Name(error.outcome()), "OUTCOME_");
  }
  if (!error.route().leader_address().empty()) {
    metadata["leader"] = error.route().leader_address();
  }
  return info;
}

}  // namespace

grpc::Status ToGrpcStatus(const v1::Error& error) {
  google::rpc::Status details;
  details.set_code(error.code());
  details.set_message(error.message());
  details.add_details()->PackFrom(InfoOf(error));
  if (error.retry_after_ms() != 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(error.retry_after_ms() / 1000);
    retry.mutable_retry_delay()->set_nanos((error.retry_after_ms() % 1000) * 1'000'000);
    details.add_details()->PackFrom(retry);
  }
  details.add_details()->PackFrom(error);
  return grpc::Status(static_cast<grpc::StatusCode>(error.code()), error.message(),
                      details.SerializeAsString());
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(StdView(status.message())));
}

}  // namespace flotilla::server

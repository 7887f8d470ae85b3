#include "server/unknown_calls.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace flotilla::server {
namespace {

class Refusal : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const std::string& method) {
    Finish(grpc::Status(
        grpc::StatusCode::UNIMPLEMENTED,
        absl::StrCat("this server has no ", method,
                     "; it serves flotilla.v1 to clients, and peers on a port of their own: check "
                     "the address and the version of the client")));
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerGenericBidiReactor* UnknownCalls::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Refusal(context->method());
}

}  // namespace flotilla::server

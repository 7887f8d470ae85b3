#include "server/callback_threads.h"

#include <future>
#include <memory>

#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

namespace flotilla::server {
namespace {

struct Call {
  std::shared_ptr<grpc::Channel> channel = grpc::CreateChannel("nowhere", nullptr);
  grpc::ClientContext context;
  grpc::Slice empty;
  grpc::ByteBuffer request{&empty, 1};
  grpc::ByteBuffer response;
};

// Without KeepCallbackThreads this aborts the process, or hangs.
TEST(CallbackThreads, OutliveTheLastChannelAlsoWhenThatGoesInACallback) {
  KeepCallbackThreads();
  for (int round = 0; round < 20; ++round) {
    std::promise<void> only_the_callback_has_it;
    std::promise<void> gone;
    Call* const call = new Call;
    grpc::GenericStub(call->channel)
        .UnaryCall(&call->context, "/nobody/Listens", {}, &call->request, &call->response,
                   [&, call](const grpc::Status& status) {
                     EXPECT_FALSE(status.ok());
                     only_the_callback_has_it.get_future().wait();
                     delete call;
                     gone.set_value();
                   });
    only_the_callback_has_it.set_value();
    gone.get_future().wait();
  }
}

}  // namespace
}  // namespace flotilla::server

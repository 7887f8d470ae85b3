#include "bench/etcd_store.h"

#include <utility>

#include "bench/etcd_kv.grpc.pb.h"
#include <grpcpp/grpcpp.h>

namespace flotilla::bench {

namespace {

absl::Status ToAbslStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

struct EtcdStore::Connections {
  std::vector<std::unique_ptr<etcdserverpb::KV::Stub>> stubs;
  grpc::CompletionQueue answers;
};

// One call from its start to its answer; owns itself.
class EtcdStore::Call {
 public:
  explicit Call(Done done) : done_(std::move(done)) {}

  void Start(etcdserverpb::KV::Stub& stub, Operation operation, grpc::CompletionQueue& answers) {
    if (operation.kind == Operation::Kind::kPut) {
      etcdserverpb::PutRequest request;
      request.set_key(std::move(operation.key));
      request.set_value(std::move(operation.value));
      put_ = stub.AsyncPut(&context_, request, &answers);
      put_->Finish(&put_response_, &status_, this);
    } else {
      etcdserverpb::RangeRequest request;
      request.set_key(std::move(operation.key));
      range_ = stub.AsyncRange(&context_, request, &answers);
      range_->Finish(&range_response_, &status_, this);
    }
  }

  void Finish() {
    const std::unique_ptr<Call> self(this);
    done_(ToAbslStatus(status_));
  }

 private:
  Done done_;
  grpc::ClientContext context_;
  grpc::Status status_;
  etcdserverpb::PutResponse put_response_;
  etcdserverpb::RangeResponse range_response_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::PutResponse>> put_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<etcdserverpb::RangeResponse>> range_;
};

EtcdStore::EtcdStore(const std::vector<std::string>& endpoints, int connections)
    : connections_(std::make_unique<Connections>()) {
  grpc::ChannelArguments arguments;
  // Else all channels to one endpoint share one TCP connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  for (int i = 0; i < connections; ++i) {
    connections_->stubs.push_back(etcdserverpb::KV::NewStub(grpc::CreateCustomChannel(
        endpoints[i % endpoints.size()], grpc::InsecureChannelCredentials(), arguments)));
  }
  poller_ = std::thread([this] { Poll(); });
}

EtcdStore::~EtcdStore() {
  connections_->answers.Shutdown();
  poller_.join();
}

void EtcdStore::Start(Operation operation, Done done) {
  const size_t turn = next_connection_.fetch_add(1, std::memory_order_relaxed);
  auto* call = new Call(std::move(done));
  call->Start(*connections_->stubs[turn % connections_->stubs.size()], std::move(operation),
              connections_->answers);
}

void EtcdStore::Poll() {
  void* tag = nullptr;
  bool ok = false;
  while (connections_->answers.Next(&tag, &ok)) static_cast<Call*>(tag)->Finish();
}

}  // namespace flotilla::bench

#include "tests/client/fake_server.h"

#include <map>
#include <utility>

#include "base/mutex.h"
#include "flotilla/testing/fake_kv_client.h"
#include "flotilla/v1/cluster_service.grpc.pb.h"
#include "flotilla/v1/kv_service.grpc.pb.h"
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace flotilla::client {

namespace {

void Fill(const Entry& entry, v1::KeyValue& row) {
  row.set_key(entry.key);
  row.set_value(entry.value);
  row.set_version(entry.version);
  row.set_created_version(entry.created_version);
}

void Fill(const Status& status, v1::Error& error) {
  error.set_code(static_cast<int>(status.code()));
  error.set_message(status.message());
  error.set_outcome(v1::OUTCOME_NOT_APPLIED);
  v1::Reason reason = v1::REASON_INTERNAL;
  if (v1::Reason_Parse("REASON_" + status.reason(), &reason)) error.set_reason(reason);
}

// Copies what messages of both kinds of write list have.
Mutation MutationOf(const v1::WriteOperation& message) {
  if (message.has_put()) return Mutation::Put(message.put().key(), message.put().value());
  if (message.has_delete_()) return Mutation::Delete(message.delete_().key());
  if (message.has_append()) {
    return Mutation::Append(message.append().key(), message.append().value());
  }
  return Mutation::Increment(message.increment().key(), message.increment().delta());
}

Condition ConditionOf(const v1::Condition& message) {
  switch (message.expected_case()) {
    case v1::Condition::kAbsent:
      return Condition::Absent(message.key());
    case v1::Condition::kVersion:
      return Condition::VersionIs(message.key(), message.version());
    case v1::Condition::kValue:
      return Condition::ValueIs(message.key(), message.value());
    default:
      return Condition::Exists(message.key());
  }
}

void Fill(const std::vector<MutationResult>& results,
          google::protobuf::RepeatedPtrField<v1::WriteResult>& messages) {
  for (const MutationResult& result : results) {
    v1::WriteResult& message = *messages.Add();
    message.set_version(result.version);
    message.set_number(result.number);
    message.set_not_found(result.not_found);
  }
}

// Carries out operations on a store and writes the results.
class Executor {
 public:
  Executor(KvClient& store, const v1::PipelineOperation& operation, v1::PipelineResult& result)
      : store_(store), operation_(operation), result_(result) {
    result_.set_id(operation.id());
  }

  void Run() {
    using Case = v1::PipelineOperation;
    switch (operation_.operation_case()) {
      case Case::kGet:
        return Get();
      case Case::kBatchGet:
        return BatchGet();
      case Case::kScan:
        return Scan();
      case Case::kPut:
        return With(store_.Put(operation_.put().key(), operation_.put().value()),
                    [&](auto& r) { result_.mutable_put()->set_version(r.version); });
      case Case::kDelete:
        return With(store_.Delete(operation_.delete_().key()), [&](auto& r) {
          result_.mutable_delete_()->set_found(r.found);
          result_.mutable_delete_()->set_version(r.version);
        });
      case Case::kCompareAndSwap:
        return CompareAndSwap();
      case Case::kIncrement:
        return With(store_.Increment(operation_.increment().key(), operation_.increment().delta()),
                    [&](auto& r) {
                      result_.mutable_increment()->set_value(r.value);
                      result_.mutable_increment()->set_version(r.version);
                    });
      case Case::kAppend:
        return With(store_.Append(operation_.append().key(), operation_.append().value()),
                    [&](auto& r) { result_.mutable_append()->set_version(r.version); });
      case Case::kDeleteRange:
        return DeleteRange();
      case Case::kBatch:
        return Batch();
      case Case::kTxn:
        return Txn();
      case Case::kOpenSession:
        result_.mutable_open_session()->set_session_token("token");
        return;
      default:
        Fill(Status(StatusCode::kUnimplemented, "?", "UNSUPPORTED"), *result_.mutable_error());
    }
  }

 private:
  template <typename T, typename F>
  void With(StatusOr<T> answer, F fill) {
    if (answer.ok()) {
      fill(*answer);
    } else {
      Fill(answer.status(), *result_.mutable_error());
    }
  }

  void Get() {
    StatusOr<GetResult> found = store_.Get(operation_.get().key());
    if (!found.ok() && !IsNotFound(found.status())) {
      return Fill(found.status(), *result_.mutable_error());
    }
    auto& response = *result_.mutable_get();
    if (found.ok()) Fill(*found, *response.mutable_row());
  }
  void BatchGet() {
    std::vector<std::string> keys(operation_.batch_get().keys().begin(),
                                  operation_.batch_get().keys().end());
    With(store_.BatchGet(std::move(keys)), [&](auto& r) {
      for (const auto& entry : r.entries) {
        auto& item = *result_.mutable_batch_get()->add_items();
        if (entry.has_value()) Fill(*entry, *item.mutable_row());
      }
      (void)result_.mutable_batch_get();
    });
  }
  void Scan() {
    const v1::ScanRequest& scan = operation_.scan();
    ScanOptions options;
    options.reverse = scan.reverse();
    options.keys_only = scan.keys_only();
    options.limit = scan.limit();
    options.page_size = scan.page_size();
    options.page_token = scan.page_token();
    const KeyRange range{scan.start_key(), scan.end_key()};
    With(store_.ScanPageAsync(range, options).get(), [&](auto& page) {
      auto& response = *result_.mutable_scan();
      response.set_next_page_token(page.next_page_token);
      // The store's token is the key that the next page begins with; a bound on top is behind it.
      std::string resume = page.next_page_token;
      if (scan.reverse() && !resume.empty()) resume.push_back('\0');
      response.set_resume_key(resume);
      response.mutable_state()->mutable_slots()->set_last_slot(16383);
      response.set_count(scan.count_only() ? page.entries.size() : 0);
      for (const Entry& entry : page.entries) {
        if (!scan.count_only()) Fill(entry, *response.add_rows());
      }
    });
  }
  void CompareAndSwap() {
    const v1::CompareAndSwapRequest& cas = operation_.compare_and_swap();
    With(store_.CompareAndSwap(ConditionOf(cas.condition()), cas.value()), [&](auto& r) {
      auto& response = *result_.mutable_compare_and_swap();
      response.set_succeeded(r.swapped);
      response.set_version(r.version);
      if (r.current.has_value()) response.set_current_value(*r.current);
    });
  }
  void DeleteRange() {
    const v1::DeleteRangeRequest& range = operation_.delete_range();
    DeleteRangeOptions options;
    options.page_size = range.page_size();
    options.page_token = range.page_token();
    With(store_.DeleteRangePageAsync({range.start_key(), range.end_key()}, options).get(),
         [&](auto& r) {
           result_.mutable_delete_range()->set_deleted(r.deleted);
           result_.mutable_delete_range()->set_next_page_token(r.next_page_token);
           result_.mutable_delete_range()->set_resume_key(r.next_page_token);
           result_.mutable_delete_range()->mutable_slots()->set_last_slot(16383);
         });
  }
  void Batch() {
    std::vector<Mutation> mutations;
    for (const auto& m : operation_.batch().operations()) mutations.push_back(MutationOf(m));
    With(store_.Batch(std::move(mutations)),
         [&](auto& r) { Fill(r.results, *result_.mutable_batch()->mutable_results()); });
  }
  void Txn() {
    const v1::TxnRequest& txn = operation_.txn();
    Transaction transaction;
    for (const auto& c : txn.conditions()) transaction.If(ConditionOf(c));
    for (const auto& m : txn.then()) transaction.Then(MutationOf(m));
    for (const auto& m : txn.otherwise()) transaction.Else(MutationOf(m));
    With(store_.Txn(std::move(transaction)), [&](auto& r) {
      result_.mutable_txn()->set_succeeded(r.conditions_held);
      Fill(r.results, *result_.mutable_txn()->mutable_results());
    });
  }

  KvClient& store_;
  const v1::PipelineOperation& operation_;
  v1::PipelineResult& result_;
};

}  // namespace

class FakeServer::Service final : public v1::KvService::Service,
                                  public v1::ClusterService::Service {
 public:
  Service() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<v1::KvService::Service*>(this));
    builder.RegisterService(static_cast<v1::ClusterService::Service*>(this));
    server_ = builder.BuildAndStart();
  }
  ~Service() override { Stop(); }

  void Stop() { server_->Shutdown(std::chrono::system_clock::time_point()); }
  std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

  grpc::Status Pipeline(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::PipelineResponse, v1::PipelineRequest>* stream) override {
    v1::PipelineRequest request;
    while (stream->Read(&request)) {
      ++messages;
      operations += static_cast<size_t>(request.operations_size());
      if (hold) continue;
      v1::PipelineResponse response;
      for (const auto& operation : request.operations()) {
        Executor(store_, operation, *response.add_results()).Run();
      }
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetShardMap(grpc::ServerContext*, const v1::GetShardMapRequest*,
                           v1::GetShardMapResponse* response) override {
    v1::Shard& shard = *response->add_shards();
    shard.set_shard_id(1);
    shard.set_shard_version(1);
    shard.set_last_slot(16383);
    shard.mutable_route()->set_leader_address(endpoint());
    AddNode(*response->add_nodes());
    return grpc::Status::OK;
  }

  grpc::Status GetClusterStatus(grpc::ServerContext*, const v1::GetClusterStatusRequest*,
                                v1::GetClusterStatusResponse* response) override {
    response->set_node_id(1);
    response->set_cluster_id(77);
    response->set_phase(v1::NODE_PHASE_SERVING);
    response->set_ready(true);
    response->set_server_version("0.1.0");
    AddNode(*response->add_nodes());
    v1::Node& absent = *response->add_nodes();
    absent.set_node_id(2);
    absent.set_client_address("127.0.0.1:1");
    v1::ReplicaStatus& replica = *response->add_replicas();
    replica.set_shard_id(1);
    replica.set_role(v1::REPLICA_ROLE_LEADER);
    for (const uint64_t node : {1, 2}) {
      v1::Member& member = *replica.add_members();
      member.set_node_id(node);
      member.set_voter(true);
    }
    return grpc::Status::OK;
  }

  std::atomic<bool> hold{false};
  std::atomic<size_t> messages{0};
  std::atomic<size_t> operations{0};

 private:
  void AddNode(v1::Node& node) {
    node.set_node_id(1);
    node.set_client_address(endpoint());
    node.set_connected(true);
  }

  int port_ = 0;
  testing::FakeKvClient store_;
  std::unique_ptr<grpc::Server> server_;
};

FakeServer::FakeServer() : service_(std::make_unique<Service>()), endpoint_(service_->endpoint()) {}
FakeServer::~FakeServer() = default;
void FakeServer::HoldAnswers() { service_->hold = true; }
void FakeServer::Stop() { service_->Stop(); }
size_t FakeServer::messages() const { return service_->messages; }
size_t FakeServer::operations() const { return service_->operations; }

}  // namespace flotilla::client

// A Node without a cluster: answers as the test says, on the executor of the test.
#ifndef FLOTILLA_TESTS_SERVER_FAKE_NODE_H_
#define FLOTILLA_TESTS_SERVER_FAKE_NODE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "node/node.h"

namespace flotilla::server {

class FakeNode : public node::Node {
 public:
  // Every write gets the next version, every read finds nothing, unless the test says otherwise.
  std::function<void(node::WriteRequest, node::WriteDone)> on_write =
      [this](const node::WriteRequest&, node::WriteDone done) {
        node::WriteReply reply;
        reply.result.version = ++version_;
        done(std::move(reply));
      };
  std::function<void(node::ReadRequest, node::ReadDone)> on_read =
      [](const node::ReadRequest&, node::ReadDone done) { done({}); };
  // Every change is made and no split, unless the test says otherwise.
  std::function<absl::Status(const raft::ConfigurationChange&)> on_change =
      [](const raft::ConfigurationChange&) { return absl::OkStatus(); };
  std::function<absl::Status(const kv::SplitShard&)> on_split = [](const kv::SplitShard&) {
    return absl::FailedPreconditionError("node 2 leads the shard, not this one");
  };
  // Every node may be given every duty, unless the test says otherwise.
  std::function<absl::Status(NodeId, sharding::NodeDuty)> on_duty = [](NodeId, sharding::NodeDuty) {
    return absl::OkStatus();
  };
  std::function<absl::StatusOr<std::vector<node::OperationStatus>>()> on_operations = [] {
    return std::vector<node::OperationStatus>();
  };
  std::function<absl::Status(kv::OperationId)> on_cancel = [](kv::OperationId) {
    return absl::OkStatus();
  };
  std::function<absl::StatusOr<kv::OperationId>(const sharding::Step&)> on_begin =
      [](const sharding::Step&) { return kv::OperationId(1); };
  std::function<absl::StatusOr<node::PlanPreview>(const std::vector<node::DutyChange>&)> on_plan =
      [](const std::vector<node::DutyChange>&) { return node::PlanPreview(); };
  node::NodeStatus status;
  std::vector<std::pair<sharding::ShardDescriptor, node::Route>> shards;
  bool ready = true;

  void Write(node::WriteRequest request, node::WriteDone done) override {
    on_write(std::move(request), std::move(done));
  }
  void Read(node::ReadRequest request, node::ReadDone done) override {
    on_read(std::move(request), std::move(done));
  }
  void ChangeMembership(ShardId, const raft::ConfigurationChange& change,
                        absl::AnyInvocable<void(absl::Status)> done) override {
    done(on_change(change));
  }
  void TransferLeadership(ShardId, NodeId, absl::AnyInvocable<void(absl::Status)> done) override {
    done(absl::FailedPreconditionError("node 2 leads the shard, not this one"));
  }
  void SplitShard(ShardId, const kv::SplitShard& split,
                  absl::AnyInvocable<void(absl::Status)> done) override {
    done(on_split(split));
  }
  void SetNodeDuty(NodeId node, sharding::NodeDuty duty,
                   absl::AnyInvocable<void(absl::Status)> done) override {
    done(on_duty(node, duty));
  }
  absl::StatusOr<std::vector<node::OperationStatus>> Operations() const override {
    return on_operations();
  }
  void BeginOperation(const sharding::Step& step,
                      absl::AnyInvocable<void(absl::StatusOr<kv::OperationId>)> done) override {
    done(on_begin(step));
  }
  void CancelOperation(kv::OperationId operation,
                       absl::AnyInvocable<void(absl::Status)> done) override {
    done(on_cancel(operation));
  }
  void PlanChanges(const std::vector<node::DutyChange>& changes,
                   absl::AnyInvocable<void(absl::StatusOr<node::PlanPreview>)> done) override {
    done(on_plan(changes));
  }
  void Stop(Duration, Task done) override { done(); }
  node::NodeStatus Status() const override { return status; }
  node::Route RouteOf(std::string_view) const override { return {}; }
  std::vector<std::pair<sharding::ShardDescriptor, node::Route>> ShardMap() const override {
    return shards;
  }
  bool Ready() const override { return ready; }

  absl::StatusOr<std::string> OnExchange(std::string_view) override { return ""; }
  absl::StatusOr<NodeId> OnHandshake(std::string_view) override { return NodeId(1); }
  std::string LocalHello() override { return ""; }
  void OnPeerMessage(NodeId, node::PeerChannel, std::string_view) override {}
  void OnPeerConnected(NodeId) override {}
  void OnPeerLost(NodeId) override {}

 private:
  uint64_t version_ = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_TESTS_SERVER_FAKE_NODE_H_

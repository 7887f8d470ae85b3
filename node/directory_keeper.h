// The directory's leader: it has the directory in memory, merges into it what the nodes report, and
// makes each change durable in the directory's shard before it tells anyone.
//
//   not leading --> loading: a linearizable scan of all rows --> ready
//   ready:  reports --> one change --> one transaction --> applied here, told to all
//
// One change is in flight at a time. A transaction that failed, or of which nobody can tell, sends
// the keeper back to loading: what the shard holds is the truth.
#ifndef FLOTILLA_NODE_DIRECTORY_KEEPER_H_
#define FLOTILLA_NODE_DIRECTORY_KEEPER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/logger.h"
#include "kv/directory.h"
#include "node/directory_messages.h"
#include "node/request.h"

namespace flotilla::node {

class DirectoryKeeper {
 public:
  // How it reaches its shard and the nodes. Callbacks may come at once, late or never.
  struct Port {
    std::function<void(kv::ScanPage page, ReadDone done)> read;
    std::function<void(kv::Operation operation, WriteDone done)> write;
    std::function<void(NodeId to, const DirectoryUpdate& update)> send;
  };
  // What a node said last, and when.
  struct Heard {
    DirectoryReport report;
    MonoTime at;
    uint64_t told = 0;  // the version of the map that it was sent
  };
  // An empty change asks for nothing; an error is the caller's answer.
  using MakeChange = std::function<absl::StatusOr<kv::DirectoryChange>(const kv::Directory&)>;
  using Done = std::function<void(const absl::Status&)>;

  DirectoryKeeper(NodeId self, Clock& clock, Logger& logger, Port port)
      : self_(self), clock_(clock), logger_(logger), port_(std::move(port)) {}
  ~DirectoryKeeper() { *alive_ = false; }

  // On every tick: in which term this node leads the directory; nullopt when it does not.
  void Tick(std::optional<Term> leads);
  void OnReport(NodeId from, DirectoryReport report);
  // A change for a reason of its own. `done` when it is durable; kUnavailable when this node does
  // not lead the directory, or nobody can tell what became of it.
  void Change(MakeChange make, Done done);
  // Nothing that the node has said counts any more.
  void ForgetNode(NodeId node);

  // Null unless this node leads and has loaded it.
  const kv::Directory* directory() const { return directory_.has_value() ? &*directory_ : nullptr; }
  // Since this node has led the directory.
  const std::map<NodeId, Heard>& heard() const { return heard_; }
  MonoTime leading_since() const { return leading_since_; }

 private:
  struct Request {
    MakeChange make;
    Done done;
  };

  void Forget(const absl::Status& why);
  void Load();
  // Rows come page by page, each as of another moment: only between two equal versions of the
  // directory do they fit together.
  struct Loading {
    std::optional<kv::Row> version_before;
    std::vector<kv::Row> rows;
  };
  void LoadPage(kv::ScanPage page, std::shared_ptr<Loading> loading);
  void OnLoaded(const Loading& loading);
  void Pump();
  bool BeginRequest();
  void BeginReports();
  // Nodes and claims that the directory does not have yet; those that contradict it are left out.
  kv::DirectoryChange MergeReports();
  absl::StatusOr<kv::DirectoryChange> ClaimFirst(const std::vector<sharding::ShardClaim>& claims);
  void Commit(kv::DirectoryChange change, Done done);
  void OnCommitted(const kv::DirectoryChange& change, const WriteReply& reply);
  void Tell(NodeId node, Heard& heard);
  void Refuse(const absl::Status& why);
  // Wraps a callback that is void once the keeper is gone or has begun anew.
  template <typename Callback>
  auto InThisEpoch(Callback callback);

  const NodeId self_;
  Clock& clock_;
  Logger& logger_;
  const Port port_;

  std::optional<Term> term_;
  MonoTime leading_since_;
  // Counts the loads: answers to what was asked before the newest are void.
  uint64_t epoch_ = 0;
  bool loading_ = false;
  std::optional<kv::Directory> directory_;
  // Of the change that is in flight.
  std::optional<Done> committing_;
  std::vector<Request> requests_;
  std::map<NodeId, Heard> heard_;
  // Whose report has not been merged yet.
  std::set<NodeId> fresh_;
  // Told once each: a contradiction stays one.
  std::set<std::string> refused_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_DIRECTORY_KEEPER_H_

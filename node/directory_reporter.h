// A node's side of the directory: it tells the directory's leader of itself and of the shards that
// it leads, at once when these change and otherwise now and then, and keeps a copy of the shard
// map, by which it routes what it has no replica of.
//
// The copy may lag: nothing is decided by it.
#ifndef FLOTILLA_NODE_DIRECTORY_REPORTER_H_
#define FLOTILLA_NODE_DIRECTORY_REPORTER_H_

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/clock.h"
#include "base/logger.h"
#include "node/directory_messages.h"

namespace flotilla::node {

class DirectoryReporter {
 public:
  using Send = std::function<void(NodeId to, const DirectoryReport& report)>;

  // `send` may call OnUpdate at once.
  DirectoryReporter(NodeId self, Clock& clock, Logger& logger, Send send)
      : self_(self), clock_(clock), logger_(logger), send_(std::move(send)) {}

  // On every tick. `leader` is what a replica of the directory on this node says, none where it
  // cannot tell; `others` are asked in turn as long as nobody knows the leader.
  void Tick(NodeId leader, std::span<const NodeId> others,
            absl::FunctionRef<DirectoryReport()> make_report);
  void OnUpdate(const DirectoryUpdate& update);

  const sharding::ShardMap& map() const { return map_; }
  const std::map<NodeId, sharding::NodeRecord>& nodes() const { return nodes_; }
  // None when unknown.
  NodeId leader() const { return leader_; }

 private:
  NodeId ChooseTarget(NodeId leader, std::span<const NodeId> others);

  const NodeId self_;
  Clock& clock_;
  Logger& logger_;
  const Send send_;

  sharding::ShardMap map_;
  std::map<NodeId, sharding::NodeRecord> nodes_;
  NodeId leader_;
  size_t next_other_ = 0;

  std::optional<DirectoryReport> last_;
  MonoTime looked_at_;  // whether something has changed
  MonoTime sent_at_;
  MonoTime heard_at_;  // news, or where the leader is
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_DIRECTORY_REPORTER_H_

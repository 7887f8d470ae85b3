// What the directory's leader asks of the node that leads a shard: one small step, guarded by what
// it was planned for, so that it may come late, twice or never. Whether it was done is seen in the
// shard's next report.
#ifndef FLOTILLA_NODE_SHARD_ORDER_H_
#define FLOTILLA_NODE_SHARD_ORDER_H_

#include <string>
#include <variant>

#include "base/coding.h"
#include "base/ids.h"
#include "kv/command.h"
#include "raft/types.h"

namespace flotilla::node {

// Members change, if the configuration that was set at `configuration` is still in force. One list
// of each; a node may be promoted in the same change in which another one is removed.
struct ChangeMembers {
  LogIndex configuration;
  NodeId add_learner;  // none: nobody; so are the others
  NodeId promote;
  NodeId remove;

  friend bool operator==(const ChangeMembers&, const ChangeMembers&) = default;
};
// Leadership goes to a voter, if the term is still this one.
struct HandOver {
  Term term;
  NodeId to;

  friend bool operator==(const HandOver&, const HandOver&) = default;
};

struct ShardOrder {
  ShardId shard;
  // kv::SplitShard names the version that it is meant for.
  std::variant<ChangeMembers, HandOver, kv::SplitShard> what;
};

void PutShardOrder(std::string& out, const ShardOrder& order);
ShardOrder TakeShardOrder(Decoder& in);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_SHARD_ORDER_H_

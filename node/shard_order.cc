#include "node/shard_order.h"

namespace flotilla::node {

namespace {

enum class OrderKind : uint8_t { kChangeMembers = 1, kHandOver = 2, kSplit = 3 };

void PutKind(std::string& out, OrderKind kind) { PutFixed8(out, static_cast<uint8_t>(kind)); }

struct OrderWriter {
  std::string& out;

  void operator()(const ChangeMembers& change) const {
    PutKind(out, OrderKind::kChangeMembers);
    PutVarint(out, change.configuration.value());
    PutVarint(out, change.add_learner.value());
    PutVarint(out, change.promote.value());
    PutVarint(out, change.remove.value());
  }
  void operator()(const HandOver& hand_over) const {
    PutKind(out, OrderKind::kHandOver);
    PutVarint(out, hand_over.term.value());
    PutVarint(out, hand_over.to.value());
  }
  void operator()(const kv::SplitShard& split) const {
    PutKind(out, OrderKind::kSplit);
    PutVarint(out, split.child.value());
    PutFixed16(out, split.at.value);
    PutVarint(out, split.shard_version);
  }
};

}  // namespace

void PutShardOrder(std::string& out, const ShardOrder& order) {
  PutVarint(out, order.shard.value());
  std::visit(OrderWriter{out}, order.what);
}

// Designated initialisers evaluate in order.
ShardOrder TakeShardOrder(Decoder& in) {
  ShardOrder order;
  order.shard = ShardId(in.Varint());
  switch (static_cast<OrderKind>(in.Fixed8())) {
    case OrderKind::kChangeMembers:
      order.what = ChangeMembers{.configuration = LogIndex(in.Varint()),
                                 .add_learner = NodeId(in.Varint()),
                                 .promote = NodeId(in.Varint()),
                                 .remove = NodeId(in.Varint())};
      return order;
    case OrderKind::kHandOver:
      order.what = HandOver{.term = Term(in.Varint()), .to = NodeId(in.Varint())};
      return order;
    case OrderKind::kSplit:
      order.what = kv::SplitShard{.child = ShardId(in.Varint()),
                                  .at = sharding::Slot{in.Fixed16()},
                                  .shard_version = in.Varint()};
      return order;
  }
  in.Fail();
  return order;
}

}  // namespace flotilla::node

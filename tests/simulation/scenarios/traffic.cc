#include "tests/simulation/scenarios/traffic.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/coding.h"
#include "kv/directory.h"
#include "node/peer_transport.h"

namespace flotilla::simulation {

namespace {

// Any moment will do: what is taken apart and put together again keeps the time that is left.
constexpr MonoTime kThen{};

struct BodyKind {
  MessageKind operator()(const raft::VoteRequest&) { return MessageKind::kVoteRequest; }
  MessageKind operator()(const raft::VoteResponse&) { return MessageKind::kVoteResponse; }
  MessageKind operator()(const raft::AppendRequest&) { return MessageKind::kAppend; }
  MessageKind operator()(const raft::AppendResponse&) { return MessageKind::kAppendResponse; }
  MessageKind operator()(const raft::Heartbeat&) { return MessageKind::kHeartbeat; }
  MessageKind operator()(const raft::HeartbeatResponse&) { return MessageKind::kHeartbeatResponse; }
  MessageKind operator()(const raft::TimeoutNow&) { return MessageKind::kTimeoutNow; }
  MessageKind operator()(const raft::ReadIndexRequest&) { return MessageKind::kReadIndexRequest; }
  MessageKind operator()(const raft::ReadIndexResponse&) { return MessageKind::kReadIndexResponse; }
};

struct ItemKind {
  MessageKind operator()(const raft::Message& m) { return std::visit(BodyKind(), m.body); }
  MessageKind operator()(const node::ForwardedWrite&) { return MessageKind::kForwardedWrite; }
  MessageKind operator()(const node::ForwardedRead&) { return MessageKind::kForwardedRead; }
  MessageKind operator()(const node::WriteAnswer&) { return MessageKind::kWriteAnswer; }
  MessageKind operator()(const node::ReadAnswer&) { return MessageKind::kReadAnswer; }
  MessageKind operator()(const node::SnapshotOffer&) { return MessageKind::kSnapshotOffer; }
  MessageKind operator()(const node::SnapshotData&) { return MessageKind::kSnapshotData; }
  MessageKind operator()(const node::SnapshotAnswer&) { return MessageKind::kSnapshotAnswer; }
  MessageKind operator()(const node::RepairRequest&) { return MessageKind::kRepairRequest; }
  MessageKind operator()(const node::MembershipQuestion&) {
    return MessageKind::kMembershipQuestion;
  }
  MessageKind operator()(const node::MembershipAnswer&) { return MessageKind::kMembershipAnswer; }
  MessageKind operator()(const node::SplitPreparationRequest&) {
    return MessageKind::kSplitPreparationRequest;
  }
  MessageKind operator()(const node::SplitPreparationAnswer&) {
    return MessageKind::kSplitPreparationAnswer;
  }
  MessageKind operator()(const node::DirectoryReport&) { return MessageKind::kDirectoryReport; }
  MessageKind operator()(const node::DirectoryUpdate&) { return MessageKind::kDirectoryUpdate; }
  MessageKind operator()(const node::ShardOrder&) { return MessageKind::kShardOrder; }
};

// The directory's group has traffic of its own, which is not what scenarios are about.
bool IsOfDirectory(const node::PeerItem& item) {
  const auto* message = std::get_if<raft::Message>(&item);
  return message != nullptr && message->group == kv::kDirectoryShard;
}

bool IsIn(const std::vector<MessageKind>& kinds, const node::PeerItem& item) {
  return std::find(kinds.begin(), kinds.end(), KindOf(item)) != kinds.end();
}

}  // namespace

MessageKind KindOf(const node::PeerItem& item) { return std::visit(ItemKind(), item); }

Traffic::Traffic(SimNetwork& network) : network_(network), sends_(network.size()) {
  network_.SetFilter([this](NodeIndex from, NodeIndex to, Channel channel, std::string& bytes) {
    return Pass(from, to, channel, bytes);
  });
}

Traffic::~Traffic() { network_.SetFilter(nullptr); }

void Traffic::Lose(std::initializer_list<MessageKind> kinds) {
  Lose([kinds = std::vector(kinds)](NodeIndex, NodeIndex, const node::PeerItem& item) {
    return IsIn(kinds, item);
  });
}

void Traffic::LoseFrom(NodeIndex from, std::initializer_list<MessageKind> kinds) {
  Lose([from, kinds = std::vector(kinds)](NodeIndex sender, NodeIndex, const node::PeerItem& item) {
    return sender == from && IsIn(kinds, item);
  });
}

void Traffic::LoseTo(NodeIndex to, std::initializer_list<MessageKind> kinds) {
  Lose([to, kinds = std::vector(kinds)](NodeIndex, NodeIndex receiver, const node::PeerItem& item) {
    return receiver == to && IsIn(kinds, item);
  });
}

uint64_t Traffic::count(MessageKind kind) const {
  const auto it = counts_.find(kind);
  return it == counts_.end() ? 0 : it->second;
}

uint64_t Traffic::items() const {
  uint64_t sum = 0;
  for (const auto& [kind, count] : counts_) sum += count;
  return sum;
}

void Traffic::Forget() {
  counts_.clear();
  append_bytes_ = snapshot_bytes_ = 0;
}

bool Traffic::Pass(NodeIndex from, NodeIndex to, Channel channel, std::string& bytes) {
  ++sends_[from];
  // Above the node's own channels is what a connection is made of.
  return channel >= node::kPeerChannelCount || PassItems(from, to, bytes);
}

bool Traffic::PassItems(NodeIndex from, NodeIndex to, std::string& bytes) {
  // The transport frames an envelope with its connection and its number there.
  Decoder in(bytes);
  const uint64_t connection = in.Varint();
  const uint64_t sequence = in.Varint();
  node::EnvelopeWriter rest;
  bool lost = false;
  const absl::Status read = node::ReadEnvelope(in.rest(), kThen, [&](const node::PeerItem& item) {
    Count(item);
    if (IsLost(from, to, item)) {
      lost = true;
    } else if (!loses_.empty()) {
      rest.Add(item, kThen);
    }
  });
  FLOTILLA_CHECK(read.ok());
  if (!lost) return true;
  if (rest.empty()) return false;
  std::string framed;
  PutVarint(framed, connection);
  PutVarint(framed, sequence);
  framed += rest.Take();
  bytes = std::move(framed);
  return true;
}

bool Traffic::IsLost(NodeIndex from, NodeIndex to, const node::PeerItem& item) const {
  return std::any_of(loses_.begin(), loses_.end(),
                     [&](const Loses& loses) { return loses(from, to, item); });
}

void Traffic::Count(const node::PeerItem& item) {
  if (!IsOfDirectory(item)) ++counts_[KindOf(item)];
  if (const auto* data = std::get_if<node::SnapshotData>(&item)) {
    snapshot_bytes_ += data->data.size();
  }
  const auto* message = std::get_if<raft::Message>(&item);
  if (message == nullptr) return;
  const auto* append = std::get_if<raft::AppendRequest>(&message->body);
  if (append == nullptr) return;
  for (const raft::Entry& entry : append->entries) append_bytes_ += View(entry.payload).size();
}

}  // namespace flotilla::simulation

#include "node/outbox.h"

namespace flotilla::node {

namespace {

// Well below gRPC's message limit of 16 MiB, whatever the last item adds.
constexpr size_t kMaxEnvelopeBytes = 4 << 20;

PeerChannel ChannelOf(const PeerItem& item) {
  if (const auto* message = std::get_if<raft::Message>(&item)) {
    const bool append = std::holds_alternative<raft::AppendRequest>(message->body) ||
                        std::holds_alternative<raft::AppendResponse>(message->body);
    return append ? PeerChannel::kAppend : PeerChannel::kUrgent;
  }
  const bool snapshot = std::holds_alternative<SnapshotOffer>(item) ||
                        std::holds_alternative<SnapshotData>(item) ||
                        std::holds_alternative<SnapshotAnswer>(item);
  return snapshot ? PeerChannel::kBulk : PeerChannel::kAppend;
}

}  // namespace

void Outbox::Add(NodeId to, const PeerItem& item) {
  const PeerChannel channel = ChannelOf(item);
  EnvelopeWriter& writer = writers_[{to, channel}];
  writer.Add(item, clock_.Now());
  if (writer.bytes() >= kMaxEnvelopeBytes) transport_.Send(to, channel, writer.Take());
}

void Outbox::Flush() {
  for (auto& [key, writer] : writers_) {
    if (!writer.empty()) transport_.Send(key.first, key.second, writer.Take());
  }
}

}  // namespace flotilla::node

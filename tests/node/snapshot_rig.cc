#include "tests/node/snapshot_rig.h"

#include <algorithm>

#include "base/coding.h"
#include "storage/snapshot_files.h"
#include <gtest/gtest.h>

namespace flotilla::node {

void TinyLog(NodeOptions& options) {
  options.flush_log_entries = 10;
  options.compact_log_entries = 5;
  options.raft.entry_cache_bytes = 4096;
  options.snapshot_chunk_bytes = 1000;
  options.snapshot_window_chunks = 2;
}

std::vector<std::string> ShardFolders(NodeRig& rig, uint64_t id) {
  return rig.machine(id).disk().List("/data/shards/1").value();
}

size_t Checkpoints(NodeRig& rig, uint64_t id) {
  const std::vector<std::string> folders = ShardFolders(rig, id);
  return static_cast<size_t>(
      std::count_if(folders.begin(), folders.end(),
                    [](const std::string& name) { return name.starts_with("checkpoint-"); }));
}

uint64_t LeaveAFollowerBehind(NodeRig& rig) {
  rig.StartAll();
  EXPECT_TRUE(rig.AwaitLeader());
  const uint64_t follower = rig.LeaderOf() == 1 ? 2 : 1;
  rig.PowerOff(follower);
  // It may have led another shard.
  EXPECT_TRUE(rig.RunUntil([&] {
    if (rig.LeaderOf() == 0) return false;
    const std::vector<ReplicaStatus> replicas = rig.node(rig.LeaderOf())->Status().replicas;
    return std::all_of(replicas.begin(), replicas.end(), [&](const ReplicaStatus& replica) {
      const NodeId leader = replica.raft.leader.node;
      return !leader.is_none() && leader != NodeId(follower);
    });
  }));
  for (int i = 0; i < 300; ++i) {
    const WriteReply reply = rig.Put(rig.LeaderOf(), "k" + std::to_string(i), std::string(50, 'x'));
    EXPECT_TRUE(reply.error.ok()) << reply.error.message;
  }
  EXPECT_TRUE(rig.RunUntil([&] {
    const std::vector<ReplicaStatus> replicas = rig.node(rig.LeaderOf())->Status().replicas;
    return std::all_of(replicas.begin(), replicas.end(), [&](const ReplicaStatus& replica) {
      return replica.raft.first_index.value() > 200 / replicas.size();
    });
  }));
  return follower;
}

SnapshotWatch::SnapshotWatch(NodeRig& rig) : rig_(rig) {
  rig.network().SetFilter([this](simulation::NodeIndex from, simulation::NodeIndex,
                                 simulation::Channel channel, std::string& bytes) {
    // Above the nodes' own channels is what a connection is made of.
    if (channel >= kPeerChannelCount) return true;
    Decoder in(bytes);
    in.Varint();  // the transport's frame: connection, number
    in.Varint();
    const absl::Status read =
        ReadEnvelope(in.rest(), MonoTime(), [&](const PeerItem& item) { Note(from, item); });
    EXPECT_TRUE(read.ok()) << read;
    return true;
  });
}

void SnapshotWatch::Note(uint64_t from, const PeerItem& item) {
  if (const auto* offer = std::get_if<SnapshotOffer>(&item)) {
    sizes_[offer->group] = storage::DecodeSnapshotManifest(offer->manifest)->TotalBytes();
  } else if (const auto* data = std::get_if<SnapshotData>(&item)) {
    pieces_.push_back({.when = rig_.world().now(),
                       .from = from,
                       .transfer = data->transfer,
                       .shard = data->group,
                       .offset = data->offset,
                       .bytes = data->data.size()});
  }
}

uint64_t SnapshotWatch::bytes() const {
  uint64_t sum = 0;
  for (const Piece& piece : pieces_) sum += piece.bytes;
  return sum;
}

}  // namespace flotilla::node

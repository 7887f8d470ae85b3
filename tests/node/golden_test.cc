// The formats of node/, as an earlier build wrote them and every later build must read them.
#include <string>
#include <vector>

#include "node/address_codec.h"
#include "node/data_folder.h"
#include "node/envelope.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime kNow{std::chrono::seconds(5)};

NodeAddress AddressOf(uint64_t id) {
  return {NodeId(id), Incarnation(0x1000 + id), "n" + std::to_string(id) + ":6171",
          "n" + std::to_string(id) + ":6170"};
}

TEST(GoldenFormats, Identity) {
  const Identity identity{.node = NodeId(2),
                          .incarnation = Incarnation(0x1002),
                          .cluster = ClusterId(0xc1),
                          .founders = {AddressOf(1), AddressOf(2)},
                          .plan = {.shards = 3}};
  EXPECT_EQ(tests::ToHex(EncodeIdentity(identity)),
            tests::ToHex(tests::ReadGoldenFile("node_identity.hex")));
  const auto read = DecodeIdentity(tests::ReadGoldenFile("node_identity.hex"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->founders, identity.founders);
  EXPECT_EQ(read->cluster, identity.cluster);
}

TEST(GoldenFormats, Hello) {
  Hello hello;
  hello.self = AddressOf(2);
  hello.cluster = ClusterId(0xc1);
  hello.initial_nodes = 2;
  hello.plan.shards = 3;
  hello.join = {"n1:6171", "n2:6171"};
  hello.founders = {AddressOf(1), AddressOf(2)};
  hello.others = {"n9:6171"};
  EXPECT_EQ(tests::ToHex(EncodeHello(hello)),
            tests::ToHex(tests::ReadGoldenFile("node_hello.hex")));
  const auto read = DecodeHello(tests::ReadGoldenFile("node_hello.hex"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->join, hello.join);
}

TEST(GoldenFormats, Envelope) {
  EnvelopeWriter writer;
  raft::Message heartbeat{.group = ShardId(7),
                          .from = {NodeId(1), ReplicaId(1)},
                          .to = {NodeId(2), ReplicaId(2)},
                          .term = Term(5),
                          .body = raft::Heartbeat{.commit = LogIndex(300), .read_counter = 9}};
  writer.Add(heartbeat, kNow);
  heartbeat.body = raft::HeartbeatResponse{.read_counter = 9, .applied = LogIndex(290)};
  writer.Add(heartbeat, kNow);
  WriteRequest write;
  write.context.request_id = MakeBytes("r");
  write.context.deadline = kNow + std::chrono::milliseconds(1);
  write.target = {.shard = ShardId(7), .version = 1};
  write.command = MakeBytes("cmd");
  writer.Add(ForwardedWrite{.id = 4, .request = write}, kNow);
  WriteReply reply;
  reply.error.code = absl::StatusCode::kUnavailable;
  reply.error.reason = Reason::kNotLeader;
  reply.error.route = Route{ShardId(7), 1, NodeId(3), "n3:6170"};
  writer.Add(WriteAnswer{.id = 4, .reply = reply}, kNow);
  writer.Add(SnapshotData{.transfer = 8, .group = ShardId(7), .offset = 1, .data = "bytes"}, kNow);
  writer.Add(RepairRequest{.group = ShardId(7), .failed = {NodeId(2), ReplicaId(2)}}, kNow);
  writer.Add(MembershipQuestion{.group = ShardId(7), .member = {NodeId(2), ReplicaId(2)}}, kNow);
  writer.Add(MembershipAnswer{.group = ShardId(7),
                              .member = {NodeId(2), ReplicaId(2)},
                              .incarnation = Incarnation(0x1002)},
             kNow);
  writer.Add(MembershipAnswer{.group = ShardId(7),
                              .member = {NodeId(2), ReplicaId(2)},
                              .incarnation = Incarnation(0x1002),
                              .origin = kv::ShardOrigin{ShardId(5), LogIndex(300)}},
             kNow);
  writer.Add(
      SplitPreparationRequest{
          .group = ShardId(7), .from = {NodeId(1), ReplicaId(1)}, .flush_upto = LogIndex(300)},
      kNow);
  writer.Add(
      SplitPreparationAnswer{
          .group = ShardId(7), .from = {NodeId(2), ReplicaId(2)}, .durable = LogIndex(299)},
      kNow);
  EXPECT_EQ(tests::ToHex(writer.Take()), tests::ToHex(tests::ReadGoldenFile("node_envelope.hex")));

  std::vector<PeerItem> items;
  const absl::Status read = ReadEnvelope(tests::ReadGoldenFile("node_envelope.hex"), kNow,
                                         [&](PeerItem item) { items.push_back(std::move(item)); });
  ASSERT_TRUE(read.ok()) << read;
  ASSERT_EQ(items.size(), 11u);
  EXPECT_EQ(std::get<MembershipAnswer>(items[7]).incarnation, Incarnation(0x1002));
  EXPECT_FALSE(std::get<MembershipAnswer>(items[7]).origin.has_value());
  EXPECT_EQ(std::get<MembershipAnswer>(items[8]).origin->split, LogIndex(300));
  EXPECT_EQ(std::get<SplitPreparationRequest>(items[9]).flush_upto, LogIndex(300));
  EXPECT_EQ(std::get<SplitPreparationAnswer>(items[10]).durable, LogIndex(299));
  EXPECT_EQ(std::get<WriteAnswer>(items[3]).reply.error.route->leader_address, "n3:6170");
}

TEST(GoldenFormats, RequestsToPrepareASplit) {
  const SplitPreparationRequest request{.group = ShardId(7),
                                        .from = {NodeId(1), ReplicaId(1)},
                                        .flush_upto = LogIndex(300),
                                        .child = ShardId(1000),
                                        .shard_version = 5};
  EnvelopeWriter writer;
  writer.Add(request, kNow);
  EXPECT_EQ(tests::ToHex(writer.Take()),
            tests::ToHex(tests::ReadGoldenFile("node_split_preparation.hex")));

  std::vector<PeerItem> items;
  const absl::Status read = ReadEnvelope(tests::ReadGoldenFile("node_split_preparation.hex"), kNow,
                                         [&](PeerItem item) { items.push_back(std::move(item)); });
  ASSERT_TRUE(read.ok()) << read;
  ASSERT_EQ(items.size(), 1u);
  const auto& found = std::get<SplitPreparationRequest>(items[0]);
  EXPECT_EQ(found.flush_upto, LogIndex(300));
  EXPECT_EQ(found.child, ShardId(1000));
  EXPECT_EQ(found.shard_version, 5u);
}

// Whoever has no samples of load to tell of sends what was always sent.
TEST(GoldenFormats, ReportsToTheDirectory) {
  ShardReport shard;
  shard.claim.descriptor = {.shard = ShardId(7), .arc = {}, .version = 2};
  shard.claim.configuration = {.index = LogIndex(4), .replicas = {{NodeId(2), ReplicaId(2)}}};
  shard.claim.leader = {.term = Term(5), .node = NodeId(2)};
  shard.claim.counters = {.bytes = 1000, .load = 300, .report = 6};
  shard.caught_up = {NodeId(3)};
  shard.learners = {
      {.node = NodeId(3), .bytes_done = 300, .bytes_total = 4000, .entries_behind = 5}};
  DirectoryReport report{.self = {.node = NodeId(2),
                                  .incarnation = Incarnation(0x1002),
                                  .peer_address = "n2:6171",
                                  .client_address = "n2:6170"},
                         .map_version = 12,
                         .shards = {shard, shard}};
  EnvelopeWriter writer;
  writer.Add(report, kNow);
  report.shards[1].load_sample = {.picked = 32,
                                  .slots = {{sharding::Slot{5}, 1}, {sharding::Slot{700}, 30}}};
  writer.Add(report, kNow);
  EXPECT_EQ(tests::ToHex(writer.Take()),
            tests::ToHex(tests::ReadGoldenFile("node_directory_reports.hex")));

  std::vector<PeerItem> items;
  const absl::Status read = ReadEnvelope(tests::ReadGoldenFile("node_directory_reports.hex"), kNow,
                                         [&](PeerItem item) { items.push_back(std::move(item)); });
  ASSERT_TRUE(read.ok()) << read;
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(std::get<DirectoryReport>(items[1]), report);
  report.shards[1].load_sample = {};
  EXPECT_EQ(std::get<DirectoryReport>(items[0]), report);
}

}  // namespace
}  // namespace flotilla::node

#include "node/envelope.h"

#include <string>
#include <vector>

#include "base/random.h"
#include "node/address_codec.h"
#include "node/data_folder.h"
#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

constexpr MonoTime kNow{std::chrono::seconds(5)};

std::vector<PeerItem> Read(std::string_view bytes, absl::Status* status = nullptr) {
  std::vector<PeerItem> items;
  const absl::Status read =
      ReadEnvelope(bytes, kNow, [&](PeerItem item) { items.push_back(std::move(item)); });
  if (status != nullptr) *status = read;
  return items;
}

raft::Message HeartbeatOf(uint64_t group, uint64_t term) {
  return {.group = ShardId(group),
          .from = {NodeId(1), ReplicaId(11)},
          .to = {NodeId(2), ReplicaId(22)},
          .term = Term(term),
          .body = raft::Heartbeat{.commit = LogIndex(group * 100), .read_counter = term}};
}

sharding::NodeRecord SomeNode() {
  return {.node = NodeId(7),
          .incarnation = Incarnation(70),
          .peer_address = "n7:6171",
          .client_address = "n7:6170",
          .zone = "east",
          .weight = 2};
}

DirectoryReport ReportToTheDirectory() {
  ShardReport shard;
  shard.claim.descriptor = {.shard = ShardId(3), .arc = {}, .version = 4};
  shard.claim.leader = {.term = Term(5), .node = NodeId(7)};
  shard.caught_up = {NodeId(8)};
  shard.learners = {
      {.node = NodeId(8), .bytes_done = 300, .bytes_total = 4000, .entries_behind = 5}};
  return {.self = SomeNode(), .map_version = 12, .shards = {shard}};
}

DirectoryReport ReportWithLoad() {
  DirectoryReport report = ReportToTheDirectory();
  report.shards.push_back(report.shards[0]);
  report.shards[1].claim.counters = {.bytes = 9, .load = 40, .report = 2};
  report.shards[1].load_sample = {.picked = 9, .slots = {{sharding::Slot{4}, 5}}};
  return report;
}

DirectoryUpdate WordFromTheDirectory() {
  sharding::ShardMap map;
  EXPECT_TRUE(map.Merge({{ReportToTheDirectory().shards[0].claim}}).ok());
  return {.leader = NodeId(2),
          .news = DirectoryUpdate::News{.shards = map.Since(0), .nodes = {SomeNode()}}};
}

std::string EveryKind() {
  EnvelopeWriter writer;
  raft::Message append = HeartbeatOf(3, 4);
  append.body = raft::AppendRequest{.prev_index = LogIndex(1),
                                    .prev_term = Term(1),
                                    .commit = LogIndex(1),
                                    .read_counter = 9,
                                    .entries = {{.index = LogIndex(2),
                                                 .term = Term(4),
                                                 .kind = raft::EntryKind::kCommand,
                                                 .payload = MakeBytes("payload")}}};
  writer.Add(append, kNow);
  writer.Add(HeartbeatOf(1, 7), kNow);
  raft::Message answer = HeartbeatOf(2, 7);
  answer.body = raft::HeartbeatResponse{.read_counter = 3, .applied = LogIndex(90)};
  writer.Add(answer, kNow);
  WriteRequest write;
  write.context = {.request_id = MakeBytes("r1"), .deadline = kNow + std::chrono::seconds(2)};
  write.target.shard = ShardId(4);
  write.command = MakeBytes("command");
  writer.Add(ForwardedWrite{.id = 1, .request = write}, kNow);
  ReadRequest read;
  read.context.deadline = kNow + std::chrono::seconds(1);
  read.read.operation = kv::Get{.key = "k"};
  writer.Add(ForwardedRead{.id = 2, .request = read}, kNow);
  writer.Add(WriteAnswer{.id = 1, .reply = {.error = {}, .result = {.version = 8}}}, kNow);
  writer.Add(ReadAnswer{.id = 2, .reply = {}}, kNow);
  writer.Add(SnapshotOffer{.transfer = 5, .manifest = "m", .group = ShardId(3)}, kNow);
  writer.Add(SnapshotData{.transfer = 5, .group = ShardId(3), .offset = 10, .data = "bytes"}, kNow);
  writer.Add(SnapshotAnswer{.transfer = 5, .group = ShardId(3), .next_offset = 15}, kNow);
  writer.Add(ReportToTheDirectory(), kNow);
  writer.Add(WordFromTheDirectory(), kNow);
  writer.Add(ReportWithLoad(), kNow);
  return writer.Take();
}

TEST(Envelope, EveryKindOfItemComesBack) {
  absl::Status status;
  const std::vector<PeerItem> items = Read(EveryKind(), &status);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(items.size(), 13u);
  // Heartbeats come first: they were packed apart.
  EXPECT_EQ(std::get<raft::Heartbeat>(std::get<raft::Message>(items[0]).body).commit,
            LogIndex(100));
  const auto& answer = std::get<raft::HeartbeatResponse>(std::get<raft::Message>(items[1]).body);
  EXPECT_EQ(answer.read_counter, 3u);
  EXPECT_EQ(answer.applied, LogIndex(90));
  const auto& append = std::get<raft::AppendRequest>(std::get<raft::Message>(items[2]).body);
  EXPECT_EQ(View(append.entries.at(0).payload), "payload");
  const auto& write = std::get<ForwardedWrite>(items[3]);
  EXPECT_EQ(View(write.request.context.request_id), "r1");
  EXPECT_EQ(View(write.request.command), "command");
  EXPECT_EQ(std::get<WriteAnswer>(items[5]).reply.result.version, 8u);
  EXPECT_EQ(std::get<SnapshotData>(items[8]).data, "bytes");
  EXPECT_EQ(std::get<DirectoryReport>(items[10]), ReportToTheDirectory());
  EXPECT_EQ(std::get<DirectoryUpdate>(items[11]), WordFromTheDirectory());
  EXPECT_EQ(std::get<DirectoryReport>(items[12]), ReportWithLoad());
}

TEST(Envelope, ADeadlineTravelsAsTheTimeThatIsLeft) {
  const auto items = Read(EveryKind());
  const auto& write = std::get<ForwardedWrite>(items[3]);
  EXPECT_EQ(write.request.context.deadline, kNow + std::chrono::seconds(2));
}

TEST(Envelope, WhatWasForwardedIsNotForwardedAgain) {
  const auto items = Read(EveryKind());
  EXPECT_TRUE(std::get<ForwardedWrite>(items[3]).request.target.forwarded);
  EXPECT_TRUE(std::get<ForwardedRead>(items[4]).request.target.forwarded);
}

TEST(Envelope, HeartbeatsOfManyGroupsAreSmall) {
  EnvelopeWriter writer;
  for (uint64_t group = 1; group <= 100; ++group) writer.Add(HeartbeatOf(group, 7), kNow);
  const std::string bytes = writer.Take();
  EXPECT_LT(bytes.size(), 100 * 12u);
  EXPECT_EQ(Read(bytes).size(), 100u);
}

TEST(Envelope, NoCutAndNoFlippedByteIsMoreThanAnError) {
  const std::string bytes = EveryKind();
  for (size_t size = 0; size < bytes.size(); ++size) {
    absl::Status status;
    Read(std::string_view(bytes).substr(0, size), &status);
    // A cut between two items leaves a shorter envelope that is whole.
    EXPECT_NE(status.code(), absl::StatusCode::kInternal);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      Read(damaged);
    }
  }
}

TEST(Envelope, ANewerVersionIsRefusedBeforeAnythingIsGivenOut) {
  std::string bytes = EveryKind();
  bytes[1] = 2;
  absl::Status status;
  EXPECT_TRUE(Read(bytes, &status).empty());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
}

TEST(Hello, ComesBackWhole) {
  Hello hello;
  hello.self = {NodeId(3), Incarnation(99), "a:1", "a:2"};
  hello.cluster = ClusterId(77);
  hello.initial_nodes = 3;
  hello.plan.shards = 1;
  hello.join = {"a:1", "b:1"};
  hello.founders = {hello.self};
  const absl::StatusOr<Hello> read = DecodeHello(EncodeHello(hello));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->self, hello.self);
  EXPECT_EQ(read->cluster, hello.cluster);
  EXPECT_EQ(read->join, hello.join);
  EXPECT_EQ(read->founders, hello.founders);
}

TEST(Hello, RandomBytesAreRefused) {
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = EncodeHello(Hello());
    for (int flips = 0; flips < 3; ++flips) {
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
    }
    (void)DecodeHello(bytes);
  }
}

}  // namespace
}  // namespace flotilla::node

#include "raft/message_codec.h"

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/coding.h"
#include "base/random.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/message_text.h"
#include "tests/raft/test_network.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

Message With(Body body) {
  return {ShardId(300),
          {NodeId(1), ReplicaId(10)},
          {NodeId(2), ReplicaId(20)},
          Term(7),
          std::move(body)};
}

Configuration JointConfiguration() {
  Configuration configuration = MakeConfiguration(3, 1);
  configuration.voters_outgoing = {MemberNumber(1), MemberNumber(5)};
  configuration.learners_next = {MemberNumber(5)};
  configuration.next_replica_id = ReplicaId(6);
  configuration.returning = {NodeId(9)};
  configuration.incarnations = {{NodeId(4), Incarnation(0x44)}};
  return configuration;
}

std::vector<Entry> OneOfEachKind() {
  return {{LogIndex(5), Term(6), EntryKind::kNoop, nullptr},
          {LogIndex(6), Term(6), EntryKind::kCommand, MakeBytes("put")},
          {LogIndex(7), Term(7), EntryKind::kConfiguration,
           MakeBytes(EncodeConfiguration(JointConfiguration()))}};
}

// One message of every kind.
std::vector<Message> OneOfEach() {
  return {With(VoteRequest{true, false, LogIndex(9), Term(6)}),
          With(VoteRequest{false, true, LogIndex(9), Term(6)}),
          With(VoteResponse{true, false}),
          With(VoteResponse{false, true}),
          With(AppendRequest{LogIndex(4), Term(5), LogIndex(3), 8, OneOfEachKind()}),
          With(AppendRequest{}),
          With(AppendResponse{LogIndex(9), 8, std::nullopt}),
          With(AppendResponse{LogIndex(9), 8, AppendResponse::Conflict{LogIndex(4), Term(3)}}),
          With(Heartbeat{LogIndex(1000000), 9}),
          With(HeartbeatResponse{9, LogIndex(70)}),
          With(TimeoutNow{}),
          With(ReadIndexRequest{0x123456789abcdef}),
          With(ReadIndexResponse{0x123456789abcdef, LogIndex(44)})};
}

std::string Encoded(const Message& message) {
  std::string bytes;
  EncodeMessage(message, bytes);
  return bytes;
}

std::string Text(const Message& message) { return MessageText().Of(message); }

TEST(RaftMessageCodec, EveryKindOfMessageComesBackAsItWas) {
  for (const Message& message : OneOfEach()) {
    const std::string bytes = Encoded(message);
    Decoder in(bytes);
    const auto decoded = DecodeMessage(in);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_TRUE(in.done());
    EXPECT_EQ(Text(*decoded), Text(message));
    EXPECT_EQ(decoded->group, message.group);
    EXPECT_EQ(decoded->from, message.from);
    EXPECT_EQ(decoded->to, message.to);
    EXPECT_EQ(Encoded(*decoded), bytes);
  }
}

TEST(RaftMessageCodec, MessagesFollowEachOtherInABuffer) {
  std::string bytes;
  for (const Message& message : OneOfEach()) EncodeMessage(message, bytes);
  Decoder in(bytes);
  for (const Message& message : OneOfEach()) {
    const auto decoded = DecodeMessage(in);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(Text(*decoded), Text(message));
  }
  EXPECT_TRUE(in.done());
}

TEST(RaftMessageCodec, AMessageCutAnywhereIsRefused) {
  for (const Message& message : OneOfEach()) {
    const std::string bytes = Encoded(message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      Decoder in(cut);
      EXPECT_FALSE(DecodeMessage(in).ok()) << Text(message) << " cut to " << size;
    }
  }
}

TEST(RaftMessageCodec, RandomDamageNeverCrashes) {
  Random random(3);
  for (const Message& message : OneOfEach()) {
    for (int i = 0; i < 2000; ++i) {
      std::string bytes = Encoded(message);
      bytes[random.Below(bytes.size())] = static_cast<char>(random.Next());
      Decoder in(bytes);
      const auto decoded = DecodeMessage(in);
      if (!decoded.ok()) continue;
      EXPECT_FALSE(Encoded(*decoded).empty());
    }
  }
}

TEST(RaftMessageCodec, ANewerVersionIsNotGuessedAt) {
  std::string bytes = Encoded(With(TimeoutNow{}));
  bytes[1] = 99;
  Decoder in(bytes);
  EXPECT_EQ(DecodeMessage(in).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(RaftMessageCodec, AnUnknownBodyIsRefused) {
  std::string bytes = Encoded(With(TimeoutNow{}));
  bytes.back() = 77;
  Decoder in(bytes);
  EXPECT_EQ(DecodeMessage(in).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RaftMessageCodec, AnUnknownKindOfEntryIsNotGuessedAt) {
  std::string bytes;
  EncodeEntry({LogIndex(1), Term(1), static_cast<EntryKind>(9), nullptr}, bytes);
  Decoder in(bytes);
  EXPECT_EQ(DecodeEntry(in).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(RaftMessageCodec, AnEmptyCommandIsNotAnAbsentOne) {
  std::string bytes;
  EncodeEntry({LogIndex(1), Term(1), EntryKind::kCommand, MakeBytes("")}, bytes);
  Decoder in(bytes);
  const auto entry = DecodeEntry(in);
  ASSERT_TRUE(entry.ok());
  EXPECT_NE(entry->payload, nullptr);
}

TEST(RaftMessageCodec, ConfigurationsComeBackAsTheyWere) {
  for (const Configuration& configuration :
       {Configuration(), MakeConfiguration(1), JointConfiguration()}) {
    const auto decoded = DecodeConfiguration(EncodeConfiguration(configuration));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, configuration);
  }
}

TEST(RaftMessageCodec, AConfigurationWithATailIsRefused) {
  const std::string bytes = EncodeConfiguration(MakeConfiguration(3)) + "x";
  EXPECT_EQ(DecodeConfiguration(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RaftMessageCodec, AnImpossibleCountOfMembersEndsEarly) {
  std::string bytes = EncodeConfiguration(Configuration());
  bytes.resize(3);
  PutVarint(bytes, UINT64_MAX);
  EXPECT_FALSE(DecodeConfiguration(bytes).ok());
}

TEST(RaftMessageCodec, SnapshotMetasComeBackAsTheyWere) {
  const SnapshotMeta meta{LogIndex(100), Term(7), JointConfiguration(), LogIndex(90)};
  const auto decoded = DecodeSnapshotMeta(EncodeSnapshotMeta(meta));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, meta);
}

TEST(RaftMessageCodec, OneFormatIsNotTakenForAnother) {
  EXPECT_FALSE(DecodeConfiguration(EncodeSnapshotMeta({})).ok());
  EXPECT_FALSE(DecodeSnapshotMeta(EncodeConfiguration({})).ok());
}

// What an earlier build wrote, every later one must read.
TEST(RaftMessageCodec, ReadsTheGoldenMessages) {
  const std::string bytes = tests::ReadGoldenFile("raft_messages.hex");
  std::string now;
  for (const Message& message : OneOfEach()) EncodeMessage(message, now);
  EXPECT_EQ(tests::ToHex(bytes), tests::ToHex(now));
  Decoder in(bytes);
  for (const Message& message : OneOfEach()) {
    const auto decoded = DecodeMessage(in);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(Text(*decoded), Text(message));
  }
}

TEST(RaftMessageCodec, ReadsTheGoldenConfiguration) {
  const std::string bytes = tests::ReadGoldenFile("raft_configuration.hex");
  EXPECT_EQ(tests::ToHex(bytes), tests::ToHex(EncodeConfiguration(JointConfiguration())));
  const auto decoded = DecodeConfiguration(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, JointConfiguration());
}

TEST(RaftMessageCodec, ReadsTheGoldenSnapshotMeta) {
  const SnapshotMeta meta{LogIndex(100), Term(7), JointConfiguration(), LogIndex(90)};
  const std::string bytes = tests::ReadGoldenFile("raft_snapshot_meta.hex");
  EXPECT_EQ(tests::ToHex(bytes), tests::ToHex(EncodeSnapshotMeta(meta)));
  const auto decoded = DecodeSnapshotMeta(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, meta);
}

}  // namespace
}  // namespace flotilla::raft

// The bytes of the log: golden files that every later build must read, and what a reader makes of
// bytes that are not a log.
#include "storage/log_format.h"

#include <string>
#include <vector>

#include "base/random.h"
#include "storage/log_items.h"
#include "tests/storage/log_rig.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

SegmentHeader SampleSegment() {
  return {.node = NodeId(3),
          .incarnation = Incarnation(0x1122334455667788),
          .number = SegmentNumber(17),
          .salt = 0xa1a2a3a4a5a6a7a9};
}

BatchHeader SampleHeader(BatchKind kind) {
  return {.kind = kind,
          .lsn = Lsn(1000),
          .salt = 0xa1a2a3a4a5a6a7a9,
          .durable_lsn = Lsn(999),
          .first_segment = SegmentNumber(12),
          .lifecycle_items = 5};
}

GroupState SampleState() {
  return {.replica = ReplicaId(4),
          .lowest_allowed = ReplicaId(2),
          .generation = Generation(6),
          .hard_state = {.term = Term(300), .vote = ReplicaId(1), .commit = LogIndex(70'000)},
          .snapshot = {.index = LogIndex(69'999),
                       .term = Term(299),
                       .configuration = ThreeMembers(),
                       .configuration_index = LogIndex(5)},
          .engine_note = "note"};
}

class SampleBatch {
 public:
  SampleBatch() : bytes_(kBatchHeaderBytes, '\0') {
    Add(ItemKind::kReplicaCreated, [&] { PutGroupState(SampleState(), bytes_); });
    Add(ItemKind::kAppend, [&] {
      PutHardState(SampleState().hard_state, bytes_);
      PutEntries();
    });
    Add(ItemKind::kAppend, [&] {
      PutHardState(std::nullopt, bytes_);
      PutVarint(bytes_, 0);
    });
    Add(ItemKind::kCompact, [&] { PutGroupState(SampleState(), bytes_); });
    Add(ItemKind::kSnapshot, [&] { PutGroupState(SampleState(), bytes_); });
    Add(ItemKind::kRewrite, [&] {
      PutGroupState(SampleState(), bytes_);
      PutEntries();
    });
    Add(ItemKind::kSuspect, [&] { PutGroupState(SampleState(), bytes_); });
    Add(ItemKind::kTombstone, [&] { PutVarint(bytes_, 9); });
    BatchHeader header = SampleHeader(BatchKind::kItems);
    header.item_count = items_;
    used_bytes_ = bytes_.size();
    SealBatch(header, bytes_);
  }

  const std::string& padded() const { return bytes_; }
  std::string used() const { return bytes_.substr(0, used_bytes_); }
  uint32_t items() const { return items_; }

  static std::vector<raft::Entry> Entries() {
    return {{.index = LogIndex(70'000), .term = Term(300), .kind = raft::EntryKind::kNoop},
            {.index = LogIndex(70'001),
             .term = Term(300),
             .kind = raft::EntryKind::kCommand,
             .payload = MakeBytes("put")},
            {.index = LogIndex(70'002),
             .term = Term(300),
             .kind = raft::EntryKind::kConfiguration,
             .payload = MakeBytes("members")}};
  }

 private:
  template <typename Body>
  void Add(ItemKind kind, const Body& body) {
    const size_t began = BeginItem(
        {.kind = kind, .group = ShardId(7), .sequence = 127 + items_, .replica = ReplicaId(4)},
        bytes_);
    body();
    EndItem(began, bytes_);
    ++items_;
  }
  void PutEntries() {
    PutVarint(bytes_, Entries().size());
    for (const raft::Entry& entry : Entries()) PutEntryFrame(ShardId(7), entry, bytes_);
  }

  std::string bytes_;
  size_t used_bytes_ = 0;
  uint32_t items_ = 0;
};

std::string SampleFooter() {
  std::string footer(kBatchHeaderBytes, '\0');
  SealBatch(SampleHeader(BatchKind::kFooter), footer);
  return footer;
}

std::vector<Item> DecodeItems(const BatchView& batch, std::string_view bytes) {
  std::vector<Item> items;
  Decoder in(batch.items);
  for (uint32_t i = 0; i < batch.header.item_count; ++i) {
    const auto item = DecodeItem(bytes, in);
    EXPECT_TRUE(item.ok()) << item.status();
    if (item.ok()) items.push_back(*item);
  }
  EXPECT_TRUE(in.done());
  return items;
}

TEST(LogFormat, TheSegmentHeaderIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("wal_segment_header.hex");
  const std::string block = EncodeSegmentHeader(SampleSegment());
  EXPECT_EQ(block.size(), kLogBlockBytes);
  EXPECT_EQ(tests::ToHex(block.substr(0, golden.size())), tests::ToHex(golden));
  const auto header = DecodeSegmentHeader(golden);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->node, SampleSegment().node);
  EXPECT_EQ(header->incarnation, SampleSegment().incarnation);
  EXPECT_EQ(header->number, SampleSegment().number);
  EXPECT_EQ(header->salt, SampleSegment().salt);
}

TEST(LogFormat, ABatchSaysHowManyGroupsThereWere) {
  std::string bytes(kBatchHeaderBytes, '\0');
  SealBatch({.lsn = Lsn(1), .groups = 6}, bytes);
  const auto batch = DecodeBatch(bytes);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->header.groups, 6u);
}

TEST(LogFormat, TheBatchWithItemsOfEachKindIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("wal_batch.hex");
  EXPECT_EQ(tests::ToHex(SampleBatch().used()), tests::ToHex(golden));
  const auto batch = DecodeBatch(golden);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->header.lsn, Lsn(1000));
  EXPECT_EQ(batch->header.durable_lsn, Lsn(999));
  EXPECT_EQ(batch->header.first_segment, SegmentNumber(12));
  EXPECT_EQ(batch->header.lifecycle_items, 5u);
  EXPECT_EQ(batch->header.groups, 0u) << "it was not said then";
  const std::vector<Item> items = DecodeItems(*batch, golden);
  ASSERT_EQ(items.size(), 8u);
  EXPECT_EQ(items[0].header.kind, ItemKind::kReplicaCreated);
  EXPECT_EQ(items[0].header.sequence, 127u);
  EXPECT_EQ(items[0].state, SampleState());
  EXPECT_EQ(items[1].hard_state, SampleState().hard_state);
  ASSERT_EQ(items[1].entries.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(ToEntry(items[1].entries[i]), SampleBatch::Entries()[i]);
  }
  EXPECT_EQ(items[2].hard_state, std::nullopt);
  EXPECT_EQ(items[5].entries.size(), 3u);
  EXPECT_EQ(items[6].header.kind, ItemKind::kSuspect);
  EXPECT_EQ(items[7].lowest_allowed, ReplicaId(9));
}

TEST(LogFormat, TheFooterIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("wal_footer.hex");
  EXPECT_EQ(tests::ToHex(SampleFooter().substr(0, golden.size())), tests::ToHex(golden));
  const auto footer = DecodeBatch(golden);
  ASSERT_TRUE(footer.ok()) << footer.status();
  EXPECT_EQ(footer->header.kind, BatchKind::kFooter);
}

TEST(LogFormat, BatchesFillWholeBlocks) {
  EXPECT_EQ(SampleBatch().padded().size() % kLogBlockBytes, 0u);
  EXPECT_EQ(SampleFooter().size(), kLogBlockBytes);
  EXPECT_EQ(DecodeBatch(SampleBatch().padded())->header.BytesOnDisk(), kLogBlockBytes);
}

TEST(LogFormat, NoFlippedBitOfABatchPassesItsChecksum) {
  const std::string whole = SampleBatch().used();
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(DecodeBatch(damaged).status().code(), absl::StatusCode::kDataLoss) << bit;
  }
}

TEST(LogFormat, NoFlippedBitOfAnEntryPassesItsChecksum) {
  std::string whole;
  PutEntryFrame(ShardId(7), SampleBatch::Entries()[1], whole);
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    Decoder in(damaged);
    ASSERT_FALSE(DecodeEntryFrame(ShardId(7), in).ok()) << bit;
  }
}

TEST(LogFormat, AnEntryOfAnotherGroupIsNoEntry) {
  std::string frame;
  PutEntryFrame(ShardId(7), SampleBatch::Entries()[1], frame);
  Decoder in(frame);
  EXPECT_EQ(DecodeEntryFrame(ShardId(8), in).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LogFormat, ItemsCutAnywhereAreRefused) {
  const std::string whole = SampleBatch().used();
  const std::string_view items = std::string_view(whole).substr(kBatchHeaderBytes);
  for (size_t size = 0; size < items.size(); ++size) {
    Decoder in(items.substr(0, size));
    uint32_t decoded = 0;
    while (DecodeItem(whole, in).ok()) ++decoded;
    ASSERT_LT(decoded, SampleBatch().items());
  }
}

TEST(LogFormat, RandomBytesAreDecodedWithoutHarm) {
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = SampleBatch().used();
    for (int i = 0; i < 3; ++i) {
      bytes[kBatchHeaderBytes + random.Below(bytes.size() - kBatchHeaderBytes)] =
          static_cast<char>(random.Next());
    }
    Decoder in(std::string_view(bytes).substr(kBatchHeaderBytes));
    while (in.ok() && !in.done() && DecodeItem(bytes, in).ok()) {
    }
  }
}

TEST(LogFormat, OnlyNamesOfSegmentsAreTakenForSegments) {
  EXPECT_EQ(SegmentFileName(SegmentNumber(7)), "segment-0000000000000007.wal");
  EXPECT_EQ(ParseSegmentFileName("segment-0000000000000007.wal"), SegmentNumber(7));
  EXPECT_EQ(ParseSegmentFileName(SegmentFileName(SegmentNumber(12345678901234567))),
            SegmentNumber(12345678901234567));
  for (const char* name : {"segment-7.wal", "segment-000000000000000x.wal", "segment-.wal", "x",
                           "spare-0000000000000007.wal", "segment-0000000000000007.wal.tmp"}) {
    EXPECT_EQ(ParseSegmentFileName(name), std::nullopt) << name;
  }
  EXPECT_TRUE(IsSpareFileName(SpareFileName(SegmentNumber(7))));
  EXPECT_FALSE(IsSpareFileName("segment-0000000000000007.wal"));
}

}  // namespace
}  // namespace flotilla::storage

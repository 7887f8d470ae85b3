#include <string>

#include "base/coding.h"
#include "base/crc32c.h"
#include "storage/snapshot_files.h"
#include "tests/simulation/sim_disk.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

SnapshotManifest Sample() {
  SnapshotManifest manifest;
  manifest.group = ShardId(300);
  manifest.meta.index = LogIndex(1000);
  manifest.meta.term = Term(7);
  manifest.meta.configuration.voters = {{NodeId(1), ReplicaId(1)}, {NodeId(2), ReplicaId(4)}};
  manifest.meta.configuration.next_replica_id = ReplicaId(5);
  manifest.meta.configuration_index = LogIndex(900);
  manifest.engine_note = "note";
  manifest.files = {{"000005.ldb", 70000, 0x12345678}, {"CURRENT", 16, 0xffffffff}};
  return manifest;
}

// With a checksum that is right, so that what is inside is looked at.
std::string Resealed(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  PutFixed32(bytes, Crc32c(bytes));
  return bytes;
}

absl::StatusCode DecodeCode(std::string_view bytes) {
  return DecodeSnapshotManifest(bytes).status().code();
}

absl::StatusCode CodeOfFileName(std::string name) {
  SnapshotManifest manifest = Sample();
  manifest.files = {{std::move(name), 1, 1}};
  return DecodeCode(EncodeSnapshotManifest(manifest));
}

TEST(SnapshotManifest, ComesBackAsItWas) {
  const auto decoded = DecodeSnapshotManifest(EncodeSnapshotManifest(Sample()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Sample());
  EXPECT_EQ(decoded->TotalBytes(), 70016u);
}

TEST(SnapshotManifest, TheFormatIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("snapshot_manifest.hex");
  EXPECT_EQ(tests::ToHex(EncodeSnapshotManifest(Sample())), tests::ToHex(golden));
  const auto decoded = DecodeSnapshotManifest(golden);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, Sample());
}

TEST(SnapshotManifest, EveryCutIsRefused) {
  const std::string bytes = EncodeSnapshotManifest(Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeCode(bytes.substr(0, size)), absl::StatusCode::kDataLoss) << size;
    if (size >= 7) {
      EXPECT_EQ(DecodeCode(Resealed(bytes.substr(0, size))), absl::StatusCode::kDataLoss) << size;
    }
  }
}

TEST(SnapshotManifest, EveryFlippedBitIsRefused) {
  const std::string bytes = EncodeSnapshotManifest(Sample());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeSnapshotManifest(damaged).ok()) << bit;
  }
}

TEST(SnapshotManifest, ANewerVersionAndUnknownFlagsAreRefusedByName) {
  std::string newer = EncodeSnapshotManifest(Sample());
  newer[1] = 2;
  EXPECT_EQ(DecodeCode(newer), absl::StatusCode::kUnimplemented);
  std::string flagged = EncodeSnapshotManifest(Sample());
  flagged[2] = 1;
  EXPECT_EQ(DecodeCode(flagged), absl::StatusCode::kUnimplemented);
}

TEST(SnapshotManifest, NamesThatLeadOutOfTheFolderAreRefused) {
  EXPECT_EQ(CodeOfFileName("CURRENT"), absl::StatusCode::kOk);
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string("../CURRENT"),
        std::string("/etc/passwd"), std::string("a/b"), std::string("a\0b", 3)}) {
    EXPECT_EQ(CodeOfFileName(name), absl::StatusCode::kDataLoss) << name;
  }
}

TEST(SnapshotManifest, FilesAreNamedOnceInOrder) {
  SnapshotManifest manifest = Sample();
  manifest.files = {{"a", 1, 1}, {"a", 1, 1}};
  EXPECT_EQ(DecodeCode(EncodeSnapshotManifest(manifest)), absl::StatusCode::kDataLoss);
  manifest.files = {{"b", 1, 1}, {"a", 1, 1}};
  EXPECT_EQ(DecodeCode(EncodeSnapshotManifest(manifest)), absl::StatusCode::kDataLoss);
}

TEST(SnapshotManifest, SizesThatDoNotAddUpAreRefused) {
  SnapshotManifest manifest = Sample();
  manifest.files = {{"a", UINT64_MAX, 1}, {"b", 1, 1}};
  EXPECT_EQ(DecodeCode(EncodeSnapshotManifest(manifest)), absl::StatusCode::kDataLoss);
}

TEST(SnapshotManifest, ACountThatTheBytesCannotHoldIsRefused) {
  SnapshotManifest manifest = Sample();
  manifest.files.clear();
  std::string bytes = EncodeSnapshotManifest(manifest);
  bytes.resize(bytes.size() - 5);  // the count 0 and the checksum
  PutVarint(bytes, UINT64_MAX);
  EXPECT_EQ(DecodeCode(Resealed(bytes + "crc!")), absl::StatusCode::kDataLoss);
}

TEST(SnapshotManifest, DescribesEveryFileOfAFolder) {
  simulation::SimDisk disk(1);
  ASSERT_TRUE(disk.CreateFolder("copy").ok());
  ASSERT_TRUE(ReplaceFileDurably(disk, "copy/b", "123456789").ok());
  ASSERT_TRUE(ReplaceFileDurably(disk, "copy/a", "").ok());
  SnapshotDescriber describer(disk, "copy", ShardId(300), Sample().meta, Sample().engine_note);
  EXPECT_EQ(describer.DescribeNext().value(), true);
  EXPECT_EQ(describer.DescribeNext().value(), true);
  EXPECT_EQ(describer.DescribeNext().value(), false);
  SnapshotManifest expected = Sample();
  expected.files = {{"a", 0, 0}, {"b", 9, 0xe3069283}};
  EXPECT_EQ(describer.manifest(), expected);
}

}  // namespace
}  // namespace flotilla::storage

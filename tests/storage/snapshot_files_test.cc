#include "storage/snapshot_files.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "tests/simulation/sim_disk.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;
using simulation::SimDisk;

constexpr char kFrom[] = "shards/1/checkpoint";
constexpr char kTo[] = "shards/1/8";

SnapshotChunk Chunk(uint64_t offset, std::string data) {
  const uint32_t crc = Crc32c(data);
  return {.offset = offset, .data = std::move(data), .crc32c = crc};
}

class SnapshotFiles : public ::testing::Test {
 protected:
  SnapshotFiles() {
    EXPECT_TRUE(disk_.CreateFolder(kFrom).ok());
    Put("a", std::string(1000, 'a'));
    Put("b", "");
    Put("c", std::string(700, 'c') + std::string(2000, 'd'));
    Put("d", "");
    EXPECT_TRUE(disk_.SyncDir(".").ok());
    SnapshotDescriber describer(disk_, kFrom, ShardId(1), {}, "note");
    while (describer.DescribeNext().value()) {
    }
    manifest_ = describer.manifest();
  }

  void Put(const std::string& name, std::string_view contents) {
    EXPECT_TRUE(ReplaceFileDurably(disk_, JoinPath(kFrom, name), contents).ok());
  }

  std::vector<SnapshotChunk> ReadAll(size_t max_bytes) {
    SnapshotReader reader(disk_, kFrom, manifest_);
    std::vector<SnapshotChunk> chunks;
    for (uint64_t offset = 0;; offset += chunks.back().data.size()) {
      const auto chunk = reader.Read(offset, max_bytes);
      EXPECT_TRUE(chunk.ok()) << chunk.status();
      if (!chunk.ok() || chunk->data.empty()) return chunks;
      chunks.push_back(*chunk);
    }
  }

  void ExpectSameFiles() {
    for (const SnapshotFile& file : manifest_.files) {
      EXPECT_EQ(ReadWholeFile(disk_, JoinPath(kTo, file.name)).value(),
                ReadWholeFile(disk_, JoinPath(kFrom, file.name)).value())
          << file.name;
    }
    EXPECT_EQ(disk_.List(kTo).value(), disk_.List(kFrom).value());
  }

  SimDisk disk_{1};
  SnapshotManifest manifest_;
};

TEST_F(SnapshotFiles, TravelInChunksOfAnySize) {
  for (const size_t size : {1, 7, 999, 1000, 1001, 100000}) {
    SnapshotWriter writer(disk_, kTo, manifest_);
    ASSERT_TRUE(writer.Start().ok());
    for (const SnapshotChunk& chunk : ReadAll(size)) {
      EXPECT_LE(chunk.data.size(), size);
      ASSERT_TRUE(writer.Write(chunk).ok());
    }
    EXPECT_EQ(writer.written(), manifest_.TotalBytes());
    ASSERT_TRUE(writer.Finish().ok());
    ExpectSameFiles();
  }
}

TEST_F(SnapshotFiles, SurviveAPowerCutOnceFinished) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  for (const SnapshotChunk& chunk : ReadAll(512)) ASSERT_TRUE(writer.Write(chunk).ok());
  ASSERT_TRUE(writer.Finish().ok());
  disk_.Crash(CrashModel::LoseAllUnsynced());
  ExpectSameFiles();
}

TEST_F(SnapshotFiles, AnyOffsetCanBeReadAgain) {
  SnapshotReader reader(disk_, kFrom, manifest_);
  std::string all;
  for (const SnapshotChunk& chunk : ReadAll(100000)) all += chunk.data;
  for (const uint64_t offset : {3000, 0, 999, 1000, 1001, 3699, 17, 1700}) {
    const auto chunk = reader.Read(offset, 10);
    ASSERT_TRUE(chunk.ok()) << chunk.status();
    EXPECT_EQ(chunk->data, all.substr(offset, chunk->data.size())) << offset;
    EXPECT_FALSE(chunk->data.empty());
    EXPECT_EQ(chunk->crc32c, Crc32c(chunk->data));
  }
  EXPECT_TRUE(reader.Read(3700, 10)->data.empty());
  EXPECT_EQ(reader.Read(3701, 10).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(SnapshotFiles, TheSenderNoticesADiskThatChangedUnderneath) {
  ASSERT_TRUE(disk_.FlipBit(JoinPath(kFrom, "c"), 5, 0).ok());
  SnapshotReader reader(disk_, kFrom, manifest_);
  ASSERT_TRUE(reader.Read(1000, 2699).ok());
  EXPECT_EQ(reader.Read(3699, 1).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotFiles, TheSenderNoticesDamageBeforeAnOffsetItResumesAt) {
  ASSERT_TRUE(disk_.FlipBit(JoinPath(kFrom, "c"), 5, 0).ok());
  SnapshotReader reader(disk_, kFrom, manifest_);
  EXPECT_EQ(reader.Read(3000, 700).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotFiles, TheSenderNoticesAFileThatBecameShorter) {
  Put("c", "short");
  SnapshotReader reader(disk_, kFrom, manifest_);
  EXPECT_EQ(reader.Read(1000, 100000).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotFiles, ARepeatedChunkChangesNothing) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  for (const SnapshotChunk& chunk : ReadAll(300)) {
    ASSERT_TRUE(writer.Write(chunk).ok());
    ASSERT_TRUE(writer.Write(chunk).ok());
    EXPECT_EQ(writer.written(), chunk.offset + chunk.data.size());
  }
  ASSERT_TRUE(writer.Finish().ok());
  ExpectSameFiles();
}

TEST_F(SnapshotFiles, OfAChunkThatOverlapsTheNewPartIsTaken) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  ASSERT_TRUE(writer.Write(Chunk(0, std::string(600, 'a'))).ok());
  ASSERT_TRUE(writer.Write(Chunk(500, std::string(500, 'a'))).ok());
  EXPECT_EQ(writer.written(), 1000u);
}

TEST_F(SnapshotFiles, AGapIsRefusedAndHarmless) {
  const std::vector<SnapshotChunk> chunks = ReadAll(300);
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  EXPECT_EQ(writer.Write(chunks[1]).code(), absl::StatusCode::kOutOfRange);
  for (const SnapshotChunk& chunk : chunks) ASSERT_TRUE(writer.Write(chunk).ok());
  ASSERT_TRUE(writer.Finish().ok());
  ExpectSameFiles();
}

TEST_F(SnapshotFiles, AChunkDamagedOnTheWayIsRefused) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  SnapshotChunk chunk = ReadAll(300).front();
  chunk.data[0] = 'x';
  EXPECT_EQ(writer.Write(chunk).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(writer.written(), 0u);
}

TEST_F(SnapshotFiles, AFileThatIsNotTheDescribedOneIsRefused) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  EXPECT_EQ(writer.Write(Chunk(0, std::string(1000, 'x'))).code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotFiles, BytesBehindTheEndAreRefused) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  for (const SnapshotChunk& chunk : ReadAll(512)) ASSERT_TRUE(writer.Write(chunk).ok());
  EXPECT_EQ(writer.Write(Chunk(3700, "x")).code(), absl::StatusCode::kDataLoss);
}

TEST_F(SnapshotFiles, NothingIsFinishedWithoutItsLastByte) {
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  for (const SnapshotChunk& chunk : ReadAll(1)) {
    EXPECT_EQ(writer.Finish().code(), absl::StatusCode::kFailedPrecondition);
    ASSERT_TRUE(writer.Write(chunk).ok());
  }
  EXPECT_TRUE(writer.Finish().ok());
}

TEST_F(SnapshotFiles, AFreshAttemptRemovesWhatTheLastOneLeft) {
  {
    SnapshotWriter writer(disk_, kTo, manifest_);
    ASSERT_TRUE(writer.Start().ok());
    ASSERT_TRUE(writer.Write(ReadAll(300).front()).ok());
  }
  ASSERT_TRUE(ReplaceFileDurably(disk_, JoinPath(kTo, "stray"), "x").ok());
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  for (const SnapshotChunk& chunk : ReadAll(512)) ASSERT_TRUE(writer.Write(chunk).ok());
  ASSERT_TRUE(writer.Finish().ok());
  ExpectSameFiles();
}

TEST_F(SnapshotFiles, AFullDiskIsAnErrorOfItsOwn) {
  disk_.SetOptions({.capacity_bytes = disk_.UsedBytes() + 500});
  SnapshotWriter writer(disk_, kTo, manifest_);
  ASSERT_TRUE(writer.Start().ok());
  EXPECT_EQ(writer.Write(ReadAll(1000).front()).code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(SnapshotFiles, AnEmptySnapshotIsWholeAtOnce) {
  SnapshotWriter writer(disk_, kTo, SnapshotManifest{});
  ASSERT_TRUE(writer.Start().ok());
  EXPECT_TRUE(writer.Finish().ok());
  SnapshotReader reader(disk_, kTo, SnapshotManifest{});
  EXPECT_TRUE(reader.Read(0, 10)->data.empty());
}

}  // namespace
}  // namespace flotilla::storage

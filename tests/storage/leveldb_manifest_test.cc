#include "storage/leveldb_manifest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/coding.h"
#include "base/crc32c.h"
#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

constexpr size_t kBlock = 32768;
constexpr size_t kHeader = 7;

using Tables = std::map<uint64_t, uint64_t>;

// Writes LevelDB's log format, as its db/log_writer.cc.
class LogFile {
 public:
  void Add(std::string_view record) {
    bool first = true;
    do {
      size_t room = kBlock - bytes.size() % kBlock;
      if (room < kHeader) {
        bytes.append(room, '\0');
        room = kBlock;
      }
      const std::string_view part = record.substr(0, room - kHeader);
      record.remove_prefix(part.size());
      AddFragment(first ? (record.empty() ? 1 : 2) : (record.empty() ? 4 : 3), part);
      first = false;
    } while (!record.empty());
    ends.push_back(bytes.size());
  }

  std::string bytes;
  std::vector<size_t> ends;  // of each record

 private:
  void AddFragment(char type, std::string_view part) {
    const uint32_t crc = Crc32c(type + std::string(part));
    PutFixed32(bytes, ((crc >> 15) | (crc << 17)) + 0xa282ead8u);
    PutFixed16(bytes, static_cast<uint16_t>(part.size()));
    bytes += type;
    bytes += part;
  }
};

std::string NewTable(uint64_t number, uint64_t size, size_t key_bytes = 10) {
  std::string edit;
  PutVarint(edit, 7);
  PutVarint(edit, 0);  // level
  PutVarint(edit, number);
  PutVarint(edit, size);
  PutString(edit, std::string(key_bytes, 'a'));
  PutString(edit, std::string(key_bytes, 'z'));
  return edit;
}

std::string DeletedTable(uint64_t number) {
  std::string edit;
  PutVarint(edit, 6);
  PutVarint(edit, 0);
  PutVarint(edit, number);
  return edit;
}

// Three records, the second of which spans three blocks.
LogFile Sample() {
  LogFile log;
  log.Add(NewTable(5, 500));
  log.Add(NewTable(6, 600, 40000));
  log.Add(DeletedTable(5) + NewTable(8, 800));
  return log;
}

TEST(LevelDBManifest, NamesTheTablesThatAreLeft) {
  const LogFile log = Sample();
  const auto contents = ReadManifest(log.bytes, log.bytes.size());
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->valid_bytes, log.bytes.size());
  EXPECT_EQ(contents->tables, (Tables{{6, 600}, {8, 800}}));
}

TEST(LevelDBManifest, ATableThatMovesToAnotherLevelStays) {
  LogFile log;
  log.Add(NewTable(5, 500));
  log.Add(DeletedTable(5) + NewTable(5, 500));
  EXPECT_EQ(ReadManifest(log.bytes, 0)->tables, (Tables{{5, 500}}));
}

TEST(LevelDBManifest, EveryCutShowsTheWholeRecordsBeforeIt) {
  const LogFile log = Sample();
  for (size_t size = 0; size <= log.bytes.size(); size += size % 997 == 0 ? 1 : 7) {
    const auto contents = ReadManifest(log.bytes.substr(0, size), 0);
    ASSERT_TRUE(contents.ok()) << size << contents.status();
    const auto end = std::upper_bound(log.ends.begin(), log.ends.end(), size);
    EXPECT_EQ(contents->valid_bytes, end == log.ends.begin() ? 0 : *std::prev(end)) << size;
  }
}

TEST(LevelDBManifest, ACutBelowTheSyncedLengthIsDataLoss) {
  const LogFile log = Sample();
  const std::string cut = log.bytes.substr(0, log.ends[1] + 3);
  EXPECT_TRUE(ReadManifest(cut, log.ends[1]).ok());
  EXPECT_EQ(ReadManifest(cut, log.ends[1] + 1).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LevelDBManifest, AnEndOfZerosOrGarbageIsTorn) {
  const LogFile log = Sample();
  for (const size_t from : {log.ends[1] + 1, log.ends[1] + 6, log.ends[2] - 1}) {
    for (const char filling : {'\0', '\xa7'}) {
      std::string torn = log.bytes;
      std::fill(torn.begin() + from, torn.end(), filling);
      const auto contents = ReadManifest(torn, log.ends[1]);
      ASSERT_TRUE(contents.ok()) << contents.status();
      EXPECT_EQ(contents->valid_bytes, log.ends[1]);
    }
  }
}

TEST(LevelDBManifest, ALastRecordWithAHoleInItsMiddleIsTorn) {
  LogFile log;
  log.Add(NewTable(5, 500));
  log.Add(NewTable(6, 600, 60000));
  std::string torn = log.bytes;
  std::fill(torn.begin() + kBlock, torn.begin() + 2 * kBlock, '\0');
  const auto contents = ReadManifest(torn, log.ends[0]);
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->tables, (Tables{{5, 500}}));
}

// LevelDB syncs every record before it writes the next, so one that others follow was synced.
TEST(LevelDBManifest, DamageThatAnotherRecordFollowsInALaterBlockIsDataLoss) {
  LogFile log;
  log.Add(NewTable(5, 500));
  log.Add(NewTable(6, 600, kBlock / 2));
  log.Add(NewTable(7, 700));
  std::string damaged = log.bytes;
  damaged[log.ends[0] + 20] ^= 1;
  EXPECT_EQ(ReadManifest(damaged, 0).status().code(), absl::StatusCode::kDataLoss);
}

TEST(LevelDBManifest, AnyFlippedBitOfTheSyncedPartIsDataLoss) {
  LogFile log;
  log.Add(NewTable(5, 500));
  log.Add(NewTable(6, 600));
  log.Add(NewTable(7, 700));
  for (size_t bit = 0; bit < log.bytes.size() * 8; ++bit) {
    std::string damaged = log.bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_EQ(ReadManifest(damaged, log.bytes.size()).status().code(), absl::StatusCode::kDataLoss)
        << bit;
  }
}

TEST(LevelDBManifest, AnEditThatIsNoneIsDataLoss) {
  LogFile log;
  log.Add("\x63what");
  EXPECT_EQ(ReadManifest(log.bytes, 0).status().code(), absl::StatusCode::kDataLoss);
}

// --- The note.

TEST(LevelDBManifestPosition, ComesBackAsItWas) {
  const ManifestPosition position{.number = 300, .synced_bytes = 70000};
  const auto decoded = DecodeManifestPosition(EncodeManifestPosition(position));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, position);
}

TEST(LevelDBManifestPosition, TheFormatIsTheGoldenOne) {
  const ManifestPosition position{.number = 300, .synced_bytes = 70000};
  const std::string golden = tests::ReadGoldenFile("leveldb_note.hex");
  EXPECT_EQ(tests::ToHex(EncodeManifestPosition(position)), tests::ToHex(golden));
  const auto decoded = DecodeManifestPosition(golden);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, position);
}

TEST(LevelDBManifestPosition, AnEmptyNoteKnowsNothing) {
  EXPECT_EQ(*DecodeManifestPosition(""), ManifestPosition{});
}

TEST(LevelDBManifestPosition, MalformedAndNewerNotesAreRefused) {
  const std::string note = EncodeManifestPosition({.number = 300, .synced_bytes = 70000});
  for (size_t size = 1; size < note.size(); ++size) {
    EXPECT_EQ(DecodeManifestPosition(note.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeManifestPosition(note + "x").status().code(), absl::StatusCode::kDataLoss);
  std::string newer = note;
  newer[1] = 2;
  EXPECT_EQ(DecodeManifestPosition(newer).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace flotilla::storage

#include "storage/log_dump.h"

#include <algorithm>
#include <string>

#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

class LogDumpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(rig_.Open().ok());
    rig_.Append(kGroup, Create());
    AppendRecord record = Append(1, 2);
    record.hard_state = raft::HardState{.term = Term(1), .vote = ReplicaId(2)};
    rig_.Append(kGroup, record);
    rig_.Append(kOther, TombstoneRecord{ReplicaId(5)});
  }

  std::string Dump(DumpFormat format) {
    std::string text;
    const absl::Status status =
        DumpLog(rig_.disk(), rig_.options().folder, format, [&](std::string_view line) {
          text += line;
          text += '\n';
        });
    EXPECT_TRUE(status.ok()) << status;
    // The salt is drawn at random.
    const size_t salt = text.find("salt");
    if (salt != std::string::npos) text.replace(text.find("0x", salt), 18, "SALT");
    return text;
  }

  LogRig rig_;
};

TEST_F(LogDumpTest, PrintsSegmentsBatchesItemsAndEntriesAsText) {
  EXPECT_EQ(Dump(DumpFormat::kText),
            "segment file=segment-0000000000000001.wal bytes=32768 number=1 node=3 "
            "incarnation=0x0000000000001234 salt=SALT\n"
            "  batch lsn=1 offset=4096 items=1 item_bytes=44 durable_lsn=0 first_segment=1 "
            "lifecycle_items=0 groups=0\n"
            "    item kind=replica_created group=7 sequence=1 replica=1 lowest_allowed=0 "
            "generation=1 term=1 vote=0 commit=0 snapshot_index=0 snapshot_term=0 members=3 "
            "note_bytes=7 entries=0\n"
            "  batch lsn=2 offset=8192 items=1 item_bytes=50 durable_lsn=1 first_segment=1 "
            "lifecycle_items=1 groups=1\n"
            "    item kind=append group=7 sequence=2 replica=1 term=1 vote=2 commit=0 entries=2\n"
            "      entry index=1 term=1 kind=command payload_bytes=10\n"
            "      entry index=2 term=1 kind=command payload_bytes=10\n"
            "  batch lsn=3 offset=12288 items=1 item_bytes=10 durable_lsn=2 first_segment=1 "
            "lifecycle_items=1 groups=1\n"
            "    item kind=tombstone group=8 sequence=1 replica=0 lowest_allowed=5 entries=0\n"
            "  end offset=16384 torn_bytes=0\n");
}

TEST_F(LogDumpTest, PrintsOneJsonObjectALine) {
  const std::string text = Dump(DumpFormat::kJson);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            R"({"type":"segment","file":"segment-0000000000000001.wal","bytes":32768,)"
            R"("number":1,"node":3,"incarnation":"0x0000000000001234","salt":"SALT"})");
  EXPECT_NE(text.find(R"({"type":"entry","index":2,"term":1,"kind":"command",)"
                      R"("payload_bytes":10})"
                      "\n"),
            std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
  EXPECT_EQ(std::count(text.begin(), text.end(), '{'), 10);
}

TEST_F(LogDumpTest, ShowsDamageAndGoesOnBehindIt) {
  ASSERT_TRUE(rig_.disk().FlipBit(rig_.Segments()[0], 8192 + 70, 0).ok());
  const std::string text = Dump(DumpFormat::kText);
  EXPECT_NE(text.find("  damage offset=8192 bytes=4096 reason=no whole batch\n  batch lsn=3"),
            std::string::npos)
      << text;
}

TEST_F(LogDumpTest, ShowsATornTail) {
  ASSERT_TRUE(rig_.disk().FlipBit(rig_.Segments()[0], 12288 + 66, 0).ok());
  EXPECT_NE(Dump(DumpFormat::kText).find("  end offset=12288 torn_bytes=4096\n"),
            std::string::npos);
}

TEST_F(LogDumpTest, ShowsADamagedHeader) {
  ASSERT_TRUE(rig_.disk().FlipBit(rig_.Segments()[0], 20, 0).ok());
  EXPECT_NE(Dump(DumpFormat::kText).find("damage offset=0"), std::string::npos);
}

TEST_F(LogDumpTest, AMissingFolderIsAnError) {
  EXPECT_EQ(DumpLog(rig_.disk(), "elsewhere", DumpFormat::kText, [](std::string_view) {}).code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace flotilla::storage

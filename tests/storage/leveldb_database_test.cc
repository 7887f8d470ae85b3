#include "storage/leveldb_database.h"

#include <string>

#include "tests/support/golden_file.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

TEST(LevelDBAppliedRow, TheFormatIsTheGoldenOne) {
  const std::string golden = tests::ReadGoldenFile("leveldb_applied_row.hex");
  EXPECT_EQ(tests::ToHex(EncodeAppliedRow(LogIndex(1000))), tests::ToHex(golden));
  const auto decoded = DecodeAppliedRow(golden);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, LogIndex(1000));
}

TEST(LevelDBAppliedRow, MalformedAndNewerRowsAreRefused) {
  const std::string row = EncodeAppliedRow(LogIndex(1000));
  for (size_t size = 0; size < row.size(); ++size) {
    EXPECT_EQ(DecodeAppliedRow(row.substr(0, size)).status().code(), absl::StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeAppliedRow(row + "x").status().code(), absl::StatusCode::kDataLoss);
  std::string newer = row;
  newer[1] = 2;
  EXPECT_EQ(DecodeAppliedRow(newer).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace flotilla::storage

// The small values of base/: ids, shared bytes, status macros, CHECK.
#include <sstream>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/ids.h"
#include "base/status_macros.h"
#include <gtest/gtest.h>

namespace flotilla {
namespace {

TEST(StrongPosition, CountsAndStopsAtNone) {
  const LogIndex index(7);
  EXPECT_EQ(index.next(), LogIndex(8));
  EXPECT_EQ(index.prev(), LogIndex(6));
  EXPECT_EQ(LogIndex(0).prev(), LogIndex(0));
  EXPECT_EQ(index + 3, LogIndex(10));
  EXPECT_EQ(LogIndex(10) - index, 3u);
  EXPECT_TRUE(LogIndex().is_none());
}

TEST(StrongId, ComparesHashesAndPrints) {
  absl::flat_hash_set<NodeId> nodes = {NodeId(1), NodeId(2), NodeId(1)};
  EXPECT_EQ(nodes.size(), 2u);
  EXPECT_LT(NodeId(1), NodeId(2));
  std::ostringstream os;
  os << NodeId(3) << ' ' << Term(4);
  EXPECT_EQ(os.str(), "3 4");
  EXPECT_EQ(ToString(ShardId(5)), "5");
}

TEST(Bytes, AnAbsentBufferReadsAsEmpty) {
  EXPECT_EQ(View(nullptr), "");
  EXPECT_EQ(View(MakeBytes("abc")), "abc");
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  FLOTILLA_ASSIGN_OR_RETURN(const int half, Half(value));
  FLOTILLA_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

absl::Status CheckQuarter(int value) {
  FLOTILLA_RETURN_IF_ERROR(Quarter(value).status());
  return absl::OkStatus();
}

TEST(StatusMacros, PassValuesOnAndReturnTheFirstError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
  EXPECT_TRUE(CheckQuarter(8).ok());
  EXPECT_EQ(CheckQuarter(6).code(), absl::StatusCode::kInvalidArgument);
}

TEST(StatusMacros, AnnotateKeepsCodeAndPayloadAndLeavesOkAlone) {
  absl::Status status = absl::DataLossError("bad");
  status.SetPayload("url", absl::Cord("payload"));
  const absl::Status annotated = Annotate(status, "reading x");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(annotated.message(), "reading x: bad");
  EXPECT_EQ(annotated.GetPayload("url"), absl::Cord("payload"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

TEST(CheckDeathTest, ABrokenInvariantStopsTheProcessAndSaysWhy) {
  const int one = 1;
  EXPECT_DEATH(FLOTILLA_CHECK(one == 2), "one == 2");
  EXPECT_DEATH(FLOTILLA_CHECK_MSG(one == 2, "never"), "never");
  EXPECT_DEATH(FLOTILLA_CHECK_EQ(one, 2), "1 vs 2");
  EXPECT_DEATH(FLOTILLA_CHECK_GT(one, 1), "1 vs 1");
}

}  // namespace
}  // namespace flotilla

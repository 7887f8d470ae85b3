#include "flotilla/status.h"

#include <memory>
#include <sstream>

#include <gtest/gtest.h>

namespace flotilla {
namespace {

TEST(Status, IsOkUnlessSaidOtherwise) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kOk);
  EXPECT_EQ(status.outcome(), Outcome::kApplied);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.ToString(), "OK");
}

TEST(Status, CarriesAllThatIsKnown) {
  Status::Fields fields;
  fields.code = StatusCode::kUnavailable;
  fields.message = "no node answered";
  fields.reason = reason::kUnreachable;
  fields.outcome = Outcome::kUnknown;
  fields.retry_after = std::chrono::milliseconds(20);
  fields.details = {{"tries", "3"}};
  const Status status(fields);
  const Status copy = status;
  EXPECT_FALSE(copy.ok());
  EXPECT_EQ(copy.retry_after(), std::chrono::milliseconds(20));
  EXPECT_EQ(copy.ToString(),
            "UNAVAILABLE: no node answered (reason=UNREACHABLE, outcome=UNKNOWN, tries=3)");
  std::ostringstream os;
  os << copy;
  EXPECT_EQ(os.str(), copy.ToString());
}

TEST(Status, OfCodeOkIsOk) { EXPECT_TRUE(Status(StatusCode::kOk, "whatever").ok()); }

TEST(Status, NamesEveryCodeAsGrpcDoes) {
  EXPECT_EQ(ToString(StatusCode::kDeadlineExceeded), "DEADLINE_EXCEEDED");
  EXPECT_EQ(ToString(StatusCode::kUnauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(ToString(static_cast<StatusCode>(99)), "UNKNOWN");
}

TEST(StatusOr, HoldsAValueOrAnError) {
  StatusOr<std::unique_ptr<int>> value(std::make_unique<int>(4));
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(**value, 4);
  EXPECT_TRUE(value.status().ok());
  std::unique_ptr<int> taken = *std::move(value);
  EXPECT_EQ(*taken, 4);

  const StatusOr<int> error(Status(StatusCode::kNotFound, "no"));
  EXPECT_FALSE(error.ok());
  EXPECT_TRUE(IsNotFound(error.status()));
  EXPECT_EQ(error.value_or(8), 8);
}

TEST(StatusOrDeathTest, UsingTheValueOfAnErrorNamesTheError) {
  const StatusOr<int> error(Status(StatusCode::kNotFound, "no such thing"));
  EXPECT_DEATH((void)*error, "no such thing");
  EXPECT_DEATH((void)StatusOr<int>(Status()), "");
}

}  // namespace
}  // namespace flotilla

#include "node/request_budget.h"

#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace flotilla::node {
namespace {

using Share = RequestBudget::Share;

TEST(RequestBudget, RefusesWhenAllRequestsAreTaken) {
  RequestBudget budget(2, 1000);
  const std::optional<Share> a = budget.Take(1);
  std::optional<Share> b = budget.Take(1);
  EXPECT_TRUE(a.has_value());
  EXPECT_TRUE(b.has_value());
  EXPECT_FALSE(budget.Take(1).has_value());
  b.reset();
  EXPECT_TRUE(budget.Take(1).has_value());
}

TEST(RequestBudget, RefusesWhenAllBytesAreTaken) {
  RequestBudget budget(100, 10);
  const std::optional<Share> large = budget.Take(50);
  EXPECT_TRUE(large.has_value());
  EXPECT_FALSE(budget.Take(0).has_value());
}

TEST(RequestBudget, AShareIsGivenBackOnceHoweverItMoves) {
  RequestBudget budget(10, 100);
  {
    Share first = *budget.Take(7);
    Share second = std::move(first);
    Share third = *budget.Take(5);
    EXPECT_EQ(budget.requests(), 2u);
    EXPECT_EQ(budget.bytes(), 12u);
    third = std::move(second);
    EXPECT_EQ(budget.requests(), 1u);
    EXPECT_EQ(budget.bytes(), 7u);
    third.GiveBack();
    third.GiveBack();
    EXPECT_EQ(budget.requests(), 0u);
  }
  EXPECT_EQ(budget.requests(), 0u);
  EXPECT_EQ(budget.bytes(), 0u);
}

}  // namespace
}  // namespace flotilla::node

#include "bench/workload.h"

#include <set>

#include <gtest/gtest.h>

namespace flotilla::bench {
namespace {

TEST(Workload, AllKeysAndValuesHaveTheAskedSize) {
  const Workload workload({.key_bytes = 16, .value_bytes = 256, .keys = 100'000});
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const Operation operation = workload.Draw(random);
    EXPECT_EQ(operation.key.size(), 16);
    EXPECT_EQ(operation.value.size(), 256);
  }
}

TEST(Workload, DrawsFromAsManyKeysAsAsked) {
  const Workload workload({.keys = 10});
  Random random(1);
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) keys.insert(workload.Draw(random).key);
  EXPECT_EQ(keys.size(), 10);
}

TEST(Workload, GetsHaveNoValue) {
  const Workload workload({.kind = Operation::Kind::kGet});
  Random random(1);
  EXPECT_TRUE(workload.Draw(random).value.empty());
}

}  // namespace
}  // namespace flotilla::bench

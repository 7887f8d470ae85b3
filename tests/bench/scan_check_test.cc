#include "bench/scan_check.h"

#include "flotilla/testing/fake_kv_client.h"
#include <gtest/gtest.h>

namespace flotilla::bench {
namespace {

class ScanCheckTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(check_.Prepare().ok()); }
  void Scan(int count) {
    for (int i = 0; i < count; ++i) check_.ScanOnce();
  }

  testing::FakeKvClient store_;
  ScanCheck check_{store_};
};

TEST_F(ScanCheckTest, RowsThatComeAndGoAreNoErrors) {
  Scan(20);
  EXPECT_EQ(check_.scans(), 20U);
  EXPECT_EQ(check_.errors(), 0U);
}

TEST_F(ScanCheckTest, AMissingRowIsAnErrorOfTheScanOfAll) {
  ASSERT_TRUE(store_.Delete("scan/{000063}/000199").ok());
  Scan(1);
  EXPECT_EQ(check_.errors(), 1U);
}

TEST_F(ScanCheckTest, AMissingRowIsAnErrorOfTheScanOfItsTag) {
  Scan(1);
  ASSERT_TRUE(store_.DeleteRange(KeyRange{"scan/{000000}/000001", "scan/{000063}/999999"}).ok());
  Scan(1);
  EXPECT_EQ(check_.errors(), 1U);
}

TEST_F(ScanCheckTest, ARowTooManyIsAnError) {
  ASSERT_TRUE(store_.Put("scan/{000001}/unheard", "of").ok());
  Scan(1);
  EXPECT_EQ(check_.errors(), 1U);
}

}  // namespace
}  // namespace flotilla::bench

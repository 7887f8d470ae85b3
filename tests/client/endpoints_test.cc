#include "client/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Endpoints, AreHostAndPortSeparatedByCommas) {
  EXPECT_THAT(*ParseEndpoints("a:1"), ElementsAre("a:1"));
  EXPECT_THAT(*ParseEndpoints(" a:1, b:2 ,"), ElementsAre("a:1", "b:2"));
}

TEST(Endpoints, HaveADefaultPort) {
  EXPECT_THAT(*ParseEndpoints("host"), ElementsAre("host:6170"));
  EXPECT_THAT(*ParseEndpoints("[::1]"), ElementsAre("[::1]:6170"));
}

TEST(Endpoints, MayBeIpv6InBrackets) {
  EXPECT_THAT(*ParseEndpoints("[fe80::1]:7"), ElementsAre("[fe80::1]:7"));
}

TEST(Endpoints, MalformedOnesAreNamed) {
  for (const char* bad :
       {"", " , ", ":1", "a:", "a:b", "a:0", "a:70000", "fe80::1", "a b:1", "http://a:1", "[]:1"}) {
    auto parsed = ParseEndpoints(bad);
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(parsed.status().message(), HasSubstr("expected host:port"));
  }
}

}  // namespace
}  // namespace flotilla::client

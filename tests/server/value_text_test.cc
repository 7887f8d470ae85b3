#include "server/value_text.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::server {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

template <typename Value>
Value Parsed(std::string_view text) {
  Value value{};
  const absl::Status status = ParseValue(text, &value);
  EXPECT_TRUE(status.ok()) << text << ": " << status;
  return value;
}

template <typename Value>
bool Refuses(std::string_view text) {
  Value value{};
  return ParseValue(text, &value).code() == absl::StatusCode::kInvalidArgument;
}

TEST(ValueText, ReadsSizes) {
  EXPECT_EQ(Parsed<ByteSize>("64MiB").bytes, 64u << 20);
  EXPECT_EQ(Parsed<ByteSize>("1.5KiB").bytes, 1536u);
  EXPECT_EQ(Parsed<ByteSize>("4096").bytes, 4096u);
  EXPECT_EQ(Parsed<ByteSize>("12B").bytes, 12u);
}

TEST(ValueText, RefusesSizesThatAreNone) {
  for (const char* text : {"", "MiB", "-1", "-1MiB", "1MB", "1 MiB", "1e3MiB", "99999999999GiB"}) {
    EXPECT_TRUE(Refuses<ByteSize>(text)) << text;
  }
}

TEST(ValueText, ReadsTimes) {
  EXPECT_EQ(Parsed<Duration>("250ms"), milliseconds(250));
  EXPECT_EQ(Parsed<Duration>("1.5s"), milliseconds(1500));
  EXPECT_EQ(Parsed<Duration>("2h"), hours(2));
  EXPECT_EQ(Parsed<Duration>("7us"), microseconds(7));
}

TEST(ValueText, RefusesTimesThatAreNone) {
  for (const char* text : {"", "10", "-5s", "5 s", "ms", "1d", "9999999999h"}) {
    EXPECT_TRUE(Refuses<Duration>(text)) << text;
  }
}

TEST(ValueText, ReadsAddresses) {
  EXPECT_EQ(Parsed<Address>("node1:6170"), (Address{"node1", 6170}));
  EXPECT_EQ(Parsed<Address>("[::1]:0"), (Address{"::1", 0}));
  EXPECT_EQ(Parsed<std::vector<Address>>("a:1, b:2"), (std::vector<Address>{{"a", 1}, {"b", 2}}));
}

TEST(ValueText, RefusesAddressesThatAreNone) {
  for (const char* text : {"", "host", "host:", ":6170", "host:65536", "host:-1", "host:http",
                           "::1:6170", "[node]:1", "a b:1", "http://host:80"}) {
    EXPECT_TRUE(Refuses<Address>(text)) << text;
  }
  EXPECT_TRUE(Refuses<std::vector<Address>>("a:1,,b:2"));
}

TEST(ValueText, RefusesNumbersAndSwitchesThatAreNone) {
  for (const char* text : {"", "-1", "0x10", "1 ", "3.5", "99999999999999999999"}) {
    EXPECT_TRUE(Refuses<uint64_t>(text)) << text;
  }
  EXPECT_TRUE(Refuses<bool>("yes"));
  EXPECT_TRUE(Refuses<LogLevel>("loud"));
  EXPECT_TRUE(Refuses<std::string>(""));
}

TEST(ValueText, WritesWhatItReads) {
  for (const char* text : {"64MiB", "1537B", "0B", "3GiB"}) {
    EXPECT_EQ(FormatValue(Parsed<ByteSize>(text)), text);
  }
  for (const char* text : {"250ms", "90m", "2h", "1500ms", "0us"}) {
    EXPECT_EQ(FormatValue(Parsed<Duration>(text)), text);
  }
  for (const char* text : {"node1:6170", "[::1]:6170"}) {
    EXPECT_EQ(FormatValue(Parsed<Address>(text)), text);
  }
  EXPECT_EQ(FormatValue(Parsed<LogLevel>("warning")), "warning");
  EXPECT_EQ(FormatValue(Parsed<bool>("true")), "true");
}

}  // namespace
}  // namespace flotilla::server

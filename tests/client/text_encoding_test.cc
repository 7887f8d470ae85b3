#include "client/cli/text_encoding.h"

#include "base/random.h"
#include "client/cli/duration_text.h"
#include "client/cli/record_format.h"
#include <gtest/gtest.h>

namespace flotilla::client::cli {
namespace {

using std::chrono::milliseconds;

TEST(TextEncoding, Utf8IsWhatRfc3629Says) {
  for (const char* good : {"", "plain", "käse", "\xe2\x82\xac", "\xf0\x9f\x9a\xa2"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"}) {
    EXPECT_FALSE(IsUtf8(bad)) << ToBase64(bad);
  }
}

TEST(TextEncoding, Base64AgreesWithRfc4648) {
  EXPECT_EQ(ToBase64(""), "");
  EXPECT_EQ(ToBase64("f"), "Zg==");
  EXPECT_EQ(ToBase64("fo"), "Zm8=");
  EXPECT_EQ(ToBase64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(FromBase64("Zm9vYg=="), "foob");
  for (const char* bad : {"Zg", "Z===", "Zg=a", "Z!==", "===="}) {
    EXPECT_FALSE(FromBase64(bad).has_value()) << bad;
  }
}

TEST(TextEncoding, EveryEncodingIsLossless) {
  Random random(7);
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random.Below(20), '\0');
    for (char& c : bytes) c = static_cast<char>(random.Below(256));
    EXPECT_EQ(FromBase64(ToBase64(bytes)), bytes);
    EXPECT_EQ(UnescapeField(EscapeField(bytes)), bytes);
    for (RecordFormat format : {RecordFormat::kJsonLines, RecordFormat::kTabSeparated}) {
      const std::string line = FormatRecord({bytes, bytes}, format);
      EXPECT_EQ(line.find('\n'), std::string::npos);
      auto record = ParseRecord(line, format);
      ASSERT_TRUE(record.ok()) << record.status() << line;
      EXPECT_EQ(record->key, bytes);
      EXPECT_EQ(record->value, bytes);
    }
  }
}

TEST(TextEncoding, UnknownEscapesAreRefused) {
  EXPECT_FALSE(UnescapeField("a\\x").has_value());
  EXPECT_FALSE(UnescapeField("a\\").has_value());
}

TEST(DurationText, TakesANumberAndAUnit) {
  EXPECT_EQ(ParseDuration("250ms"), milliseconds(250));
  EXPECT_EQ(ParseDuration("5s"), milliseconds(5000));
  EXPECT_EQ(ParseDuration("2m"), milliseconds(120'000));
  EXPECT_EQ(ParseDuration("1h"), milliseconds(3'600'000));
  for (const char* bad : {"", "5", "s", "0s", "-1s", "1.5s", "5 s", "5sec", "99999999999h"}) {
    EXPECT_FALSE(ParseDuration(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace flotilla::client::cli

#include "server/stage_log.h"

#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::server {
namespace {

using node::Stage;
using testing::ElementsAre;
using testing::IsEmpty;

MonoTime At(int64_t micros) { return MonoTime(std::chrono::microseconds(micros)); }

class StageLogTest : public testing::Test, protected Logger {
 protected:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    std::string line(event);
    for (const LogField& field : fields) {
      line += ' ';
      if (const auto* text = std::get_if<std::string>(&field.value)) line += *text;
      if (const auto* number = std::get_if<int64_t>(&field.value)) line += std::to_string(*number);
    }
    lines_.push_back(std::move(line));
  }

  std::vector<std::string> lines_;
  StageLog stages_{*this};
};

TEST_F(StageLogTest, SaysHowLongAWriteTookToEachStage) {
  stages_.OnStage("t", Stage::kReceived, At(1000));
  stages_.OnStage("t", Stage::kProposed, At(1005));
  stages_.OnStage("t", Stage::kCommitted, At(1200));
  stages_.OnStage("t", Stage::kDurable, At(1300));
  stages_.OnStage("t", Stage::kDurable, At(1400));  // with a later entry
  EXPECT_THAT(lines_, IsEmpty());
  stages_.OnStage("t", Stage::kApplied, At(1500));
  EXPECT_THAT(lines_, ElementsAre("request_stages t 5 300 200 500"));
}

TEST_F(StageLogTest, TheOldestIsGivenUpWhenTooManyAreOpen) {
  for (size_t i = 0; i <= StageLog::kOpenMax; ++i) {
    stages_.OnStage(std::to_string(i), Stage::kReceived, At(1));
  }
  stages_.OnStage("0", Stage::kApplied, At(3));
  EXPECT_THAT(lines_, IsEmpty());
  stages_.OnStage("1", Stage::kApplied, At(3));
  EXPECT_THAT(lines_, ElementsAre("request_stages 1 -1 -1 -1 2"));
}

}  // namespace
}  // namespace flotilla::server

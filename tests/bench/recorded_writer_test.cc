#include "bench/recorded_writer.h"

#include <fstream>
#include <string>
#include <vector>

#include "flotilla/testing/fake_kv_client.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace flotilla::bench {
namespace {

using Json = nlohmann::json;

Status Failure(Outcome outcome) {
  return Status({.code = StatusCode::kUnavailable, .message = "gone", .outcome = outcome});
}

class RecordedWriterTest : public ::testing::Test {
 protected:
  // The lines of the file; the header is the first.
  std::vector<Json> Lines() {
    EXPECT_TRUE(history_.Flush());
    std::ifstream file(path_);
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
    return lines;
  }
  // One field of every event, as the checkers see it.
  std::vector<Json> Column(const std::string& field) {
    std::vector<Json> column;
    for (const Json& line : Lines()) {
      if (line.contains("index")) column.push_back(line.value(field, Json()));
    }
    return column;
  }

  const std::string path_ = ::testing::TempDir() + "/recorded_writer_test." +
                            ::testing::UnitTest::GetInstance()->current_test_info()->name();
  flotilla::testing::FakeKvClient client_;
  HistoryLog history_{path_};
  RecordedRun run_{client_, history_, "test/", /*writers=*/3, {}};
  RecordedWriter writer_{run_, 1};
};

TEST_F(RecordedWriterTest, TheFirstLineNamesTheFormat) {
  EXPECT_EQ(Lines().at(0).at("format"), "flotilla-history/1");
}

TEST_F(RecordedWriterTest, EveryWriteIsInvokedAndCompletedAndIndexed) {
  writer_.WriteOnce();
  EXPECT_EQ(Column("index"), (std::vector<Json>{0, 1, 2, 3}));
  EXPECT_EQ(Column("type"), (std::vector<Json>{"invoke", "ok", "invoke", "ok"}));
  EXPECT_EQ(Column("f"), (std::vector<Json>{"write", "write", "increment", "increment"}));
  EXPECT_EQ(run_.acknowledged, 2);
}

TEST_F(RecordedWriterTest, WhatIsRecordedIsWhatWasWritten) {
  writer_.WriteOnce();
  const Json put = Lines().at(1);
  EXPECT_EQ(client_.Get(put.at("key").get<std::string>()).value().value,
            put.at("value").get<std::string>());
}

TEST_F(RecordedWriterTest, IncrementsRecordTheirResult) {
  for (int i = 1; i <= 3; ++i) {
    writer_.WriteOnce();
    EXPECT_EQ(Lines().back().at("value"), i);
  }
}

TEST_F(RecordedWriterTest, ADeniedWriteFailsAndItsProcessGoesOn) {
  client_.FailNext(Failure(Outcome::kNotApplied));
  writer_.WriteOnce();
  EXPECT_EQ(Column("type"), (std::vector<Json>{"invoke", "fail", "invoke", "ok"}));
  EXPECT_EQ(Column("process"), (std::vector<Json>{1, 1, 1, 1}));
}

TEST_F(RecordedWriterTest, AProcessWithAWriteOfUnknownOutcomeNeverAppearsAgain) {
  client_.FailNext(Failure(Outcome::kUnknown));
  writer_.WriteOnce();
  EXPECT_EQ(Column("type"), (std::vector<Json>{"invoke", "info", "invoke", "ok"}));
  EXPECT_EQ(Column("process"), (std::vector<Json>{1, 1, 4, 4}));
  EXPECT_EQ(run_.acknowledged, 1);
}

TEST_F(RecordedWriterTest, FaultsStandAmongTheEvents) {
  history_.AddFault({{"f", "kill"}, {"value", "node 2"}});
  writer_.WriteOnce();
  const Json fault = Lines().at(1);
  EXPECT_EQ(fault.at("process"), "nemesis");
  EXPECT_EQ(fault.at("f"), "kill");
  EXPECT_EQ(fault.at("index"), 0);
}

}  // namespace
}  // namespace flotilla::bench

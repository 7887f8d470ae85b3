// Every file in scenarios/ must cause exactly the trace that it shows. After a change that was
// meant, run with FLOTILLA_REWRITE=1 and review the diff.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/raft/scenario_runner.h"
#include "tests/support/source_path.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using tests::SourcePath;

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> ScenarioNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(SourcePath("tests/raft/scenarios"))) {
    if (file.path().extension() == ".txt") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class RaftScenario : public testing::TestWithParam<std::string> {};

TEST_P(RaftScenario, CausesTheTraceItShows) {
  const std::filesystem::path path = SourcePath("tests/raft/scenarios/" + GetParam() + ".txt");
  const std::string expected = ReadFile(path);
  ASSERT_FALSE(expected.empty());
  const std::string actual = ScenarioRunner().Run(expected);
  if (std::getenv("FLOTILLA_REWRITE") != nullptr) {
    std::ofstream(path) << actual;
    return;
  }
  EXPECT_EQ(actual, expected);
}

INSTANTIATE_TEST_SUITE_P(All, RaftScenario, testing::ValuesIn(ScenarioNames()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace flotilla::raft

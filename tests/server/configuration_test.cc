#include "server/configuration.h"

#include <string>
#include <vector>

#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/settings.h"

namespace flotilla::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

std::string MessageOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(StdView(status.message()));
}

absl::StatusOr<Configuration> FromFlags(std::vector<std::string> flags,
                                        const std::vector<std::string>& environment = {}) {
  flags.insert(flags.begin(), {"--node-id", "1", "--data-dir", "d"});
  FLOTILLA_ASSIGN_OR_RETURN(const CommandLine command_line, ParseCommandLine(flags));
  return Configure(command_line, environment);
}

absl::StatusOr<Configuration> FromFile(const std::string& text) {
  FLOTILLA_ASSIGN_OR_RETURN(const auto assignments, ReadConfigText(text, "f.yaml"));
  return Merge(assignments);
}

// Sources in rising order of precedence.
Configuration Merged(const std::vector<std::vector<Assignment>>& sources) {
  std::vector<Assignment> all;
  for (const auto& source : sources) all.insert(all.end(), source.begin(), source.end());
  return *Merge(all);
}

TEST(Configuration, ReadsBothFormsOfFlagsAndBareSwitches) {
  const auto configuration =
      FromFlags({"--join=a:1,b:2,c:3", "--raft.tick", "20ms", "--insecure", "--reflection=false"});
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  EXPECT_EQ(configuration->options.join.size(), 3u);
  EXPECT_EQ(configuration->options.tick, milliseconds(20));
  EXPECT_TRUE(configuration->options.insecure);
  EXPECT_FALSE(configuration->options.reflection);
}

TEST(Configuration, FlagsGoBeforeTheEnvironmentBeforeTheFileBeforeDefaults) {
  const Configuration configuration = Merged({
      *ReadConfigText("raft.tick: 1ms\nlog-level: debug\nnode-id: 7", "f"),
      *ReadEnvironment({"FLOTILLA_RAFT_TICK=2ms", "FLOTILLA_NODE_ID=8"}),
      ParseCommandLine({"--raft.tick=3ms"})->flags,
  });
  EXPECT_EQ(configuration.options.tick, milliseconds(3));
  EXPECT_EQ(configuration.options.node_id, 8u);
  EXPECT_EQ(configuration.options.log_level, LogLevel::kDebug);
  EXPECT_EQ(configuration.options.stop_timeout, ServerOptions().stop_timeout);
}

TEST(Configuration, SaysWhereEachValueComesFrom) {
  const std::string text = PrintConfiguration(Merged({
      *ReadConfigText("\nlog-level: debug", "f.yaml"),
      *ReadEnvironment({"FLOTILLA_NODE_ID=8"}),
      ParseCommandLine({"--raft.tick=3ms"})->flags,
  }));
  EXPECT_THAT(text, HasSubstr("log-level: debug  # file f.yaml, line 2\n"));
  EXPECT_THAT(text, HasSubstr("node-id: 8  # environment FLOTILLA_NODE_ID\n"));
  EXPECT_THAT(text, HasSubstr("raft.tick: 3ms  # flag --raft.tick\n"));
  EXPECT_THAT(text, HasSubstr("stop-timeout: 10s  # default\n"));
}

TEST(Configuration, PrintsWhatItReadsBack) {
  const auto first = FromFlags({"--listen-client=[::1]:7", "--insecure", "--join=a:1,b:2"});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Merge(*ReadConfigText(PrintConfiguration(*first), "f"));
  ASSERT_TRUE(second.ok()) << second.status();
  for (const Setting& setting : AllSettings()) {
    EXPECT_EQ(setting.format(first->options), setting.format(second->options)) << setting.name;
  }
}

TEST(Configuration, PrintsNothingThatCannotBeReadBackForAClusterOfOne) {
  const auto first = FromFlags({});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = FromFile(PrintConfiguration(*first));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->options.join.empty());
}

TEST(Configuration, RefusesASettingThatIsGivenTwice) {
  EXPECT_THAT(MessageOf(FromFlags({"--raft.tick=1ms", "--raft.tick", "2ms"}).status()),
              HasSubstr("--raft.tick is given twice"));
  EXPECT_THAT(MessageOf(FromFlags({"--config=a", "--config=b"}).status()),
              HasSubstr("--config is given twice"));
  EXPECT_THAT(MessageOf(FromFile("node-id: 1\nnode_id: 2\n").status()),
              HasSubstr("f.yaml, line 2: node-id is given twice; first in file f.yaml, line 1"));
  EXPECT_THAT(MessageOf(FromFile("raft: {tick: 7ms}\nraft.tick: 8ms\n").status()),
              HasSubstr("raft.tick is given twice"));
}

TEST(Configuration, ReadsNestedKeysUnderscoresAndSequences) {
  const auto configuration = FromFile("raft:\n  tick: 9ms\nnode_id: 3\njoin: [a:1, b:2]\n");
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  EXPECT_EQ(configuration->options.tick, milliseconds(9));
  EXPECT_EQ(configuration->options.node_id, 3u);
  EXPECT_EQ(configuration->options.join, (std::vector<Address>{{"a", 1}, {"b", 2}}));
}

TEST(Configuration, NamesTheNearestSettingToAnUnknownOne) {
  EXPECT_THAT(MessageOf(FromFlags({"--nodeid=1"}).status()), HasSubstr("did you mean node-id?"));
  EXPECT_THAT(MessageOf(FromFile("raft: {tik: 1ms}").status()),
              HasSubstr("file f.yaml, line 1: there is no setting \"raft.tik\"; did you mean "
                        "raft.tick?"));
  EXPECT_THAT(MessageOf(FromFlags({}, {"FLOTILLA_NODEID=1"}).status()),
              HasSubstr("did you mean FLOTILLA_NODE_ID?"));
}

TEST(Configuration, OffersNothingWhenNothingIsNear) {
  EXPECT_THAT(MessageOf(FromFlags({"--colour=red"}).status()),
              testing::Not(HasSubstr("did you mean")));
}

TEST(Configuration, LeavesOtherProgramsVariablesAlone) {
  EXPECT_TRUE(
      FromFlags({}, {"FLOTILLA_ENDPOINTS=a:1", "FLOTILLA_PORT_6170_TCP=tcp://x", "HOME=/h"}).ok());
}

TEST(Configuration, NamesThePlaceOfAMalformedValue) {
  EXPECT_THAT(MessageOf(FromFlags({"--raft.tick=fast"}).status()),
              HasSubstr("flag --raft.tick: \"fast\" is not a time, like 250ms"));
  EXPECT_THAT(MessageOf(FromFile("node-id: [").status()), HasSubstr("file f.yaml, line "));
  EXPECT_THAT(MessageOf(FromFile("just words").status()), HasSubstr("name: value"));
  EXPECT_THAT(MessageOf(FromFile("node-id:").status()), HasSubstr("node-id has no value"));
}

TEST(Configuration, RefusesFlagsWithoutValueAndBareWords) {
  EXPECT_THAT(MessageOf(FromFlags({"--join"}).status()), HasSubstr("--join needs a value"));
  EXPECT_THAT(MessageOf(FromFlags({"serve"}).status()), HasSubstr("is no flag"));
}

TEST(Configuration, RefusesAMissingFile) {
  EXPECT_THAT(MessageOf(FromFlags({"--config=no/such/file"}).status()),
              HasSubstr("file no/such/file: No such file or directory"));
}

TEST(Configuration, RequiresTheNodeAndItsFolder) {
  EXPECT_THAT(MessageOf(Configure({}, {}).status()), HasSubstr("node-id is needed"));
  EXPECT_THAT(MessageOf(Configure({}, {"FLOTILLA_NODE_ID=1"}).status()),
              HasSubstr("data-dir is needed"));
}

TEST(Configuration, OpensToTheNetworkOnlyWhenToldThatThisIsInsecure) {
  EXPECT_THAT(MessageOf(FromFlags({"--listen-client=10.0.0.1:6170"}).status()),
              HasSubstr("pass --insecure"));
  EXPECT_TRUE(FromFlags({"--listen-client=10.0.0.1:6170", "--insecure"}).ok());
  EXPECT_THAT(MessageOf(FromFlags({"--listen-peer=0.0.0.0:1", "--insecure"}).status()),
              HasSubstr("set --advertise-peer"));
}

TEST(Configuration, NeverLetsClientsAndPeersShareAPort) {
  EXPECT_THAT(MessageOf(FromFlags({"--listen-client=127.0.0.1:6171"}).status()),
              HasSubstr("are both 127.0.0.1:6171"));
  EXPECT_TRUE(FromFlags({"--listen-client=127.0.0.1:0", "--listen-peer=127.0.0.1:0"}).ok());
}

TEST(Configuration, RefusesLimitsBeyondTheHardCap) {
  EXPECT_THAT(MessageOf(FromFlags({"--max-value-size=9MiB"}).status()),
              HasSubstr("max-value-size is 9MiB; it must be positive and at most 8MiB"));
  EXPECT_THAT(MessageOf(FromFlags({"--max-command-size=9MiB"}).status()),
              HasSubstr("max-command-size is 9MiB; it must be positive and at most 8MiB"));
  EXPECT_THAT(MessageOf(FromFlags({"--max-message-size=4MiB"}).status()),
              HasSubstr("max-message-size is 4MiB; it must be at least 2MiB more than "
                        "max-command-size, that is 6MiB"));
  EXPECT_THAT(MessageOf(FromFlags({"--request.max-answer-size=32MiB"}).status()),
              HasSubstr("it must be at least four times max-message-size, that is 64MiB"));
  EXPECT_THAT(MessageOf(FromFlags({"--max-key-size=0B"}).status()), HasSubstr("positive"));
}

TEST(Configuration, RefusesLimitsThatNothingCouldMeet) {
  EXPECT_THAT(MessageOf(FromFlags({"--request.max-pending=0"}).status()),
              HasSubstr("request.max-pending is 0"));
  EXPECT_THAT(MessageOf(FromFlags({"--log.segment-size=1KiB"}).status()),
              HasSubstr("log.segment-size is 1KiB; it must be at least 12KiB"));
  EXPECT_TRUE(FromFlags({"--request.max-pending=1", "--log.segment-size=12KiB"}).ok());
}

TEST(Configuration, CompletesWhatFollowsFromOtherSettings) {
  ServerOptions options;
  options.listen_peer = {"127.0.0.1", 777};
  Complete(&options);
  EXPECT_EQ(options.advertise_peer, (Address{"127.0.0.1", 777}));
  EXPECT_EQ(options.join, (std::vector<Address>{{"127.0.0.1", 777}}));
  EXPECT_EQ(options.initial_nodes, 1u);
}

TEST(Configuration, HelpAndEnvironmentNameEverySetting) {
  const std::string help = Help();
  for (const Setting& setting : AllSettings()) {
    EXPECT_THAT(help, HasSubstr("  --" + std::string(setting.name)));
    EXPECT_EQ(FindSetting(setting.name), &setting);
  }
  EXPECT_EQ(EnvironmentNameOf(*FindSetting("raft.tick")), "FLOTILLA_RAFT_TICK");
}

}  // namespace
}  // namespace flotilla::server

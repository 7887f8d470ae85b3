// Random logs: against the model, and against the same log with restarts in between.
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "raft/message_codec.h"
#include "tests/kv/model.h"
#include "tests/kv/random_commands.h"
#include "tests/kv/shard_fixture.h"

namespace flotilla::kv {
namespace {

// Small limits, so that every one of them is met.
AppliedState RandomState(Random& random) {
  AppliedState state = NewShardState();
  state.limits.max_value_bytes = 40;
  state.limits.max_operations = 5;
  state.session_limits = {.max_sessions = static_cast<uint32_t>(random.Between(1, 6)),
                          .max_results_per_session = static_cast<uint32_t>(random.Between(1, 12)),
                          .idle_expiry = std::chrono::seconds(100)};
  if (random.Chance(1, 3)) state.descriptor.arc.last = sharding::Slot{12181};
  state.descriptor.version = random.Between(1, 2);
  return state;
}

void PassRandomTime(Random& random, TestShard& shard) {
  if (random.Chance(1, 20)) shard.PassTime(std::chrono::hours(1));
  if (random.Chance(1, 20)) shard.PassTime(-std::chrono::hours(1));
  if (random.Chance(1, 2)) shard.PassTime(std::chrono::milliseconds(random.Below(4000)));
}

std::vector<Command> RandomEntry(Random& random, RandomCommands& clients) {
  std::vector<Command> commands(random.Below(6));
  for (Command& command : commands) command = clients.Next();
  return commands;
}

constexpr uint64_t kSeeds = 50;

// Runs `check` for each seed, until the first that fails.
void ForEachSeed(void (*check)(Random& random, RandomCommands& clients)) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    RandomCommands clients(seed);
    check(random, clients);
    if (testing::Test::HasFailure()) return;
  }
}

void CompareWithModel(Random& random, RandomCommands& clients) {
  const AppliedState state = RandomState(random);
  TestShard shard(state);
  Model model(state);
  for (int entry = 0; entry < 300; ++entry) {
    PassRandomTime(random, shard);
    if (random.Chance(1, 10)) shard.Restart();
    const std::vector<Command> commands = RandomEntry(random, clients);
    const LogIndex index = shard.applied().index.next();
    const std::vector<CommandResult> results = shard.Apply(commands);
    ASSERT_EQ(results, model.Apply(index, shard.now(), commands)) << "entry " << index;
    for (const CommandResult& result : results) clients.Learn(result);
  }
  EXPECT_EQ(shard.applied().revision, model.revision());
  const ReadResult rows = shard.Read({.operation = ScanPage{}});
  ASSERT_EQ(rows.rows.size(), model.rows().size());
  auto expected = model.rows().begin();
  for (const std::optional<Row>& row : rows.rows) {
    EXPECT_EQ(*row, (Row{expected->first, expected->second.value, expected->second.version,
                         expected->second.created_version}));
    ++expected;
  }
}

TEST(RandomLogs, GiveTheAnswersAndRowsOfTheModel) { ForEachSeed(CompareWithModel); }

// Any entry but one with commands, now and then.
raft::Entry Sometimes(Random& random, raft::Entry entry) {
  if (random.Chance(1, 20)) {
    entry.kind = raft::EntryKind::kNoop;
    entry.payload = nullptr;
  } else if (random.Chance(1, 20)) {
    raft::Configuration configuration = NewShardState().configuration;
    configuration.next_replica_id = ReplicaId(random.Between(2, 99));
    entry.kind = raft::EntryKind::kConfiguration;
    entry.payload = MakeBytes(raft::EncodeConfiguration(configuration));
  }
  entry.term = Term(2);
  return entry;
}

// The same for a replica that applies entry by entry and is never restarted, and one that applies
// many at a time and is restarted in between: results, and every row, byte for byte.
void CompareWithRestarted(Random& random, RandomCommands& clients) {
  AppliedState state = RandomState(random);
  if (random.Chance(1, 2)) state.session_limits.max_bytes_per_session = 150;
  if (random.Chance(1, 2)) state.session_limits.max_bytes = 300;
  TestShard steady(state);
  TestShard restarted(state);
  for (int round = 0; round < 60; ++round) {
    std::vector<raft::Entry> entries;
    std::vector<EntryResult> expected;
    for (uint64_t i = random.Between(1, 8); i > 0; --i) {
      PassRandomTime(random, steady);
      entries.push_back(Sometimes(random, steady.MakeEntry(RandomEntry(random, clients))));
      auto results = steady.TryApply({entries.back()});
      ASSERT_TRUE(results.ok()) << results.status();
      for (const CommandResult& result : results->front().results) clients.Learn(result);
      expected.push_back(std::move(results->front()));
    }
    if (random.Chance(1, 2)) restarted.Restart();
    const auto results = restarted.TryApply(entries);
    ASSERT_TRUE(results.ok()) << results.status();
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(results->at(i).results, expected[i].results) << "entry " << expected[i].index;
    }
    ASSERT_EQ(restarted.state().rows(), steady.state().rows()) << "round " << round;
    ASSERT_EQ(restarted.applied(), steady.applied());
  }
}

TEST(RandomLogs, MakeTheSameRowsHoweverTheyAreCutAndRestarted) {
  ForEachSeed(CompareWithRestarted);
}

// A random test that never meets a case says nothing about it.
TEST(RandomLogs, MeetEveryCodeOftenAndReplays) {
  std::map<ResultCode, int> met;
  int replays = 0;
  int pages_left = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    RandomCommands clients(seed);
    TestShard shard(RandomState(random));
    for (int entry = 0; entry < 300; ++entry) {
      PassRandomTime(random, shard);
      for (const CommandResult& result : shard.Apply(RandomEntry(random, clients))) {
        clients.Learn(result);
        ++met[result.code];
        if (result.replayed) ++replays;
        if (!result.next_key.empty()) ++pages_left;
      }
    }
  }
  for (int code = 0; code <= static_cast<int>(ResultCode::kInvalid); ++code) {
    EXPECT_GE(met[static_cast<ResultCode>(code)], 10) << ToString(static_cast<ResultCode>(code));
  }
  EXPECT_GE(replays, 100);
  EXPECT_GE(pages_left, 100);
}

}  // namespace
}  // namespace flotilla::kv

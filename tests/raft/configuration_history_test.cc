#include "raft/configuration_history.h"

#include "tests/raft/test_network.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

ConfigurationHistory ThreeRecords() {
  ConfigurationHistory history({LogIndex(0), MakeConfiguration(1)});
  history.Append(LogIndex(5), MakeConfiguration(2));
  history.Append(LogIndex(9), MakeConfiguration(3));
  return history;
}

TEST(RaftConfigurationHistory, TheLastOneIsActive) {
  const ConfigurationHistory history = ThreeRecords();
  EXPECT_EQ(history.active(), MakeConfiguration(3));
  EXPECT_EQ(history.active_index(), LogIndex(9));
}

TEST(RaftConfigurationHistory, KnowsWhatWasInForceAtAnIndex) {
  const ConfigurationHistory history = ThreeRecords();
  EXPECT_EQ(history.At(LogIndex(0)).configuration, MakeConfiguration(1));
  EXPECT_EQ(history.At(LogIndex(4)).configuration, MakeConfiguration(1));
  EXPECT_EQ(history.At(LogIndex(5)).configuration, MakeConfiguration(2));
  EXPECT_EQ(history.At(LogIndex(8)).index, LogIndex(5));
  EXPECT_EQ(history.At(LogIndex(100)).configuration, MakeConfiguration(3));
}

TEST(RaftConfigurationHistory, TruncateRederivesTheActiveOne) {
  ConfigurationHistory history = ThreeRecords();
  history.TruncateFrom(LogIndex(10));
  EXPECT_EQ(history.active_index(), LogIndex(9));
  history.TruncateFrom(LogIndex(9));
  EXPECT_EQ(history.active(), MakeConfiguration(2));
  history.TruncateFrom(LogIndex(1));
  EXPECT_EQ(history.active(), MakeConfiguration(1));
}

TEST(RaftConfigurationHistory, CompactionKeepsWhatIsStillInForce) {
  ConfigurationHistory history = ThreeRecords();
  history.CompactTo(LogIndex(8));
  EXPECT_EQ(history.At(LogIndex(8)).configuration, MakeConfiguration(2));
  EXPECT_EQ(history.active(), MakeConfiguration(3));
  history.CompactTo(LogIndex(9));
  EXPECT_EQ(history.At(LogIndex(9)).configuration, MakeConfiguration(3));
}

TEST(RaftConfigurationHistory, SettledIsTheNewestThatIsSurelyCommitted) {
  const ConfigurationHistory history = ThreeRecords();
  EXPECT_EQ(history.Settled(LogIndex(9)), MakeConfiguration(3));
  EXPECT_EQ(history.Settled(LogIndex(8)), MakeConfiguration(2));
  // That there is a third one proves the second committed, whatever is known here.
  EXPECT_EQ(history.Settled(LogIndex(0)), MakeConfiguration(2));
}

TEST(RaftConfigurationHistory, ResetLeavesOne) {
  ConfigurationHistory history = ThreeRecords();
  history.Reset({LogIndex(20), MakeConfiguration(5)});
  EXPECT_EQ(history.active(), MakeConfiguration(5));
  EXPECT_EQ(history.Settled(LogIndex(0)), MakeConfiguration(5));
}

}  // namespace
}  // namespace flotilla::raft

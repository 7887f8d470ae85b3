#include "tests/simulation/sim_machine.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SimMachineTest : public ::testing::Test {
 protected:
  SimWorld world_{1};
  SimNetwork network_{world_, 2};
  SimMachine machine_{world_, network_, 0, {.work_delay_mean = milliseconds(1)}};
  int deaths_ = 0;
};

TEST_F(SimMachineTest, NothingOfADeadProcessRunsInTheNextLife) {
  int ran = 0;
  machine_.Start([this] { ++deaths_; });
  machine_.executor().PostAt(machine_.clock().Now() + seconds(1), [&] { ++ran; });
  const auto sequence =
      machine_.sequences().NewSequence(SequenceSource::Use::kLog, machine_.executor());
  sequence->Run([&] { ++ran; }, [&] { ++ran; });
  machine_.Kill();
  EXPECT_EQ(deaths_, 1);
  EXPECT_FALSE(machine_.running());
  machine_.Start([this] { ++deaths_; });
  world_.RunFor(seconds(5));
  EXPECT_EQ(ran, 0);
}

TEST_F(SimMachineTest, AKillKeepsThePageCacheAndAPowerCutDoesNot) {
  const auto write = [&] {
    auto file = machine_.disk().Open("f", OpenMode::kCreateOrReuse);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->Write(0, "x").ok());
  };
  machine_.Start([] {});
  write();
  machine_.Kill();
  EXPECT_TRUE(machine_.disk().Exists("f").value());
  machine_.Start([] {});
  machine_.PowerOff(CrashModel::LoseAllUnsynced());
  EXPECT_FALSE(machine_.disk().Exists("f").value());
}

TEST_F(SimMachineTest, ThePowerFailsAtTheEndOfTheEventThatMadeTheFatalDiskCall) {
  machine_.Start([this] { ++deaths_; });
  machine_.PowerOffAtDiskCall(2, CrashModel::LoseAllUnsynced());
  std::string seen;
  machine_.executor().Post([&] {
    seen += machine_.disk().Exists("f").ok() ? "ok " : "failed ";
    seen += machine_.disk().Exists("f").ok() ? "ok " : "failed ";
    seen += deaths_ == 0 ? "alive" : "dead";
  });
  world_.RunFor(seconds(1));
  EXPECT_EQ(seen, "ok failed alive");
  EXPECT_EQ(deaths_, 1);
  EXPECT_TRUE(machine_.disk().Exists("f").ok()) << "the disk works for the next life";
}

TEST_F(SimMachineTest, ThePowerFailsAtTheEndOfTheEventThatMadeTheFatalNetworkCall) {
  int received = 0;
  network_.Attach(1, {.on_message = [&](NodeIndex, Channel, std::string_view) { ++received; },
                      .on_peer_lost = {}});
  machine_.Start([this] { ++deaths_; });
  machine_.PowerOffAtNetworkCall(2, CrashModel::LoseAllUnsynced());
  int deaths_in_event = -1;
  machine_.executor().Post([&] {
    for (int i = 0; i < 3; ++i) network_.Send(0, 1, 0, "x");
    deaths_in_event = deaths_;
  });
  world_.RunFor(seconds(1));
  EXPECT_EQ(deaths_in_event, 0);
  EXPECT_EQ(deaths_, 1);
  EXPECT_EQ(machine_.died_at(), "network_call");
  EXPECT_LE(received, 1);
}

TEST_F(SimMachineTest, AMachineThatIsSparedSurvivesTheChosenCalls) {
  machine_.Start([this] { ++deaths_; });
  machine_.PowerOffAtDiskCall(1, {});
  machine_.PowerOffAtNetworkCall(1, {});
  machine_.SurviveCalls();
  EXPECT_TRUE(machine_.disk().Exists("f").ok());
  network_.Send(0, 1, 0, "x");
  world_.RunFor(seconds(1));
  EXPECT_EQ(deaths_, 0);
}

TEST_F(SimMachineTest, AKilledProcessIsSeenByItsPeers) {
  int lost = 0;
  network_.Attach(1, {.on_message = [](NodeIndex, Channel, std::string_view) {},
                      .on_peer_lost = [&](NodeIndex) { ++lost; }});
  machine_.Start([] {});
  machine_.PowerOff({});
  world_.RunFor(seconds(1));
  EXPECT_EQ(lost, 0);
  machine_.Start([] {});
  machine_.Kill();
  world_.RunFor(seconds(1));
  EXPECT_EQ(lost, 1);
}

// Two machines that write to disk and to each other, with faults, for a while.
uint64_t HashOfBusyWorld(uint64_t seed) {
  SimWorld world(seed);
  SimNetwork network(world, 2);
  network.SetAllLinks({.loss = 100, .duplicate = 100, .replay = 100, .ordered = false});
  SimMachine machine(world, network, 0,
                     {.disk = {.sync_latency_mean = milliseconds(1)},
                      .executor = {.post_delay_mean = milliseconds(1)},
                      .work_delay_mean = milliseconds(1),
                      .done_delay_mean = milliseconds(1)});
  machine.Start([] {});
  auto log = machine.sequences().NewSequence(SequenceSource::Use::kLog, machine.executor());
  network.Attach(1, {.on_message =
                         [&](NodeIndex, Channel, std::string_view bytes) {
                           network.Send(1, 0, 0, std::string(bytes) + "!");
                         },
                     .on_peer_lost = {}});
  network.Attach(0, {.on_message =
                         [&](NodeIndex, Channel, std::string_view bytes) {
                           const std::string contents(bytes);
                           log->Run(
                               [&machine, contents] {
                                 auto file = machine.disk().Open("f", OpenMode::kCreateOrReuse);
                                 EXPECT_TRUE((*file)->Write(0, contents).ok());
                                 EXPECT_TRUE((*file)->Sync().ok());
                               },
                               [&network, contents] { network.Send(0, 1, 0, contents); });
                         },
                     .on_peer_lost = {}});
  for (int i = 0; i < 50; ++i) network.Send(0, 1, 0, std::to_string(i));
  world.RunFor(seconds(1));
  return world.hash();
}

TEST_F(SimMachineTest, OneSeedGivesOneHistoryAndAnotherAnother) {
  EXPECT_EQ(HashOfBusyWorld(1), HashOfBusyWorld(1));
  EXPECT_NE(HashOfBusyWorld(1), HashOfBusyWorld(2));
}

}  // namespace
}  // namespace flotilla::simulation

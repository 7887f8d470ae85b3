#include "tests/simulation/nemesis.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr NodeIndex kMachines = 3;

// Machines that write to their disks and to each other all the time.
class BusyWorld {
 public:
  explicit BusyWorld(const NemesisOptions& options, std::set<uint64_t> skipped = {})
      : faults_(world_, record_, std::move(skipped)),
        nemesis_({.world = world_,
                  .network = network_,
                  .machines = machines_,
                  .faults = faults_,
                  .record = record_,
                  .restart = [this](NodeIndex node) { Start(node); },
                  .leaders = [] { return std::vector<NodeIndex>{0}; }},
                 options) {
    for (NodeIndex node = 0; node < kMachines; ++node) Start(node);
    faults_.Start();
  }
  ~BusyWorld() { nemesis_.Stop(); }

  bool Seen(const std::string& mark) const { return record_.marks().contains(mark); }

  SimWorld world_{1};
  RunRecord record_{world_};
  SimNetwork network_{world_, kMachines};
  FaultSchedule faults_;
  Nemesis nemesis_;
  SimMachines machines_ = MakeMachines(world_, network_, kMachines, {});

 private:
  // Which may fail, as everything here.
  static void WriteAFile(SimDisk& disk, const std::string& path) {
    (void)disk.Remove(path);
    const auto file = disk.Open(path, OpenMode::kCreateOrReuse);
    if (!file.ok()) return;
    const char letter = static_cast<char>('a' + disk.calls() % 26);
    (void)(*file)->Write(0, std::string(disk.calls() * 997 % 20'000, letter));
    (void)(*file)->Read(0, 1);
    if (disk.calls() % 3 > 0) (void)(*file)->Sync();
    if (disk.calls() % 5 > 0) (void)disk.SyncDir(".");
  }

  void Start(NodeIndex node) {
    machines_[node]->Start([this, node] { nemesis_.OnDeath(node); });
    network_.Attach(
        node, {.on_message = [](NodeIndex, Channel, std::string_view) {}, .on_peer_lost = {}});
    Work(node);
  }

  void Work(NodeIndex node) {
    SimMachine& machine = *machines_[node];
    for (NodeIndex peer = 0; peer < kMachines; ++peer) {
      if (peer != node) network_.Send(node, peer, 0, "x");
    }
    WriteAFile(machine.disk(), "f" + std::to_string(work_++ % 100));
    machine.executor().PostAt(machine.clock().Now() + milliseconds(10),
                              [this, node] { Work(node); });
  }

  uint64_t work_ = 0;
};

NemesisOptions Everything() {
  NemesisOptions options;
  for (Duration NemesisOptions::*mean :
       {&NemesisOptions::power_off, &NemesisOptions::kill, &NemesisOptions::die_at_disk_call,
        &NemesisOptions::die_at_network_call, &NemesisOptions::partition, &NemesisOptions::swizzle,
        &NemesisOptions::clog, &NemesisOptions::break_connection, &NemesisOptions::stall,
        &NemesisOptions::clock, &NemesisOptions::disk_errors, &NemesisOptions::disk_full}) {
    options.*mean = seconds(5);
  }
  return options;
}

TEST(Nemesis, EveryFaultIsFelt) {
  BusyWorld busy(Everything());
  busy.world_.RunFor(seconds(300));
  for (const char* mark : {"nemesis.power_off", "nemesis.kill", "nemesis.died_at_disk_call",
                           "nemesis.died_at_network_call", "nemesis.partition",
                           "nemesis.partition.swizzle", "nemesis.partition.leaders_alone",
                           "nemesis.partition.chain", "nemesis.stall", "nemesis.clock"}) {
    EXPECT_TRUE(busy.Seen(mark)) << mark;
  }
  busy.nemesis_.Stop();
  for (const char* mark :
       {"disk.read_error", "disk.short_write", "disk.sync_failed", "disk.no_space", "disk.torn",
        "disk.name_lost", "network.held", "network.connection_gone", "network.blocked"}) {
    EXPECT_TRUE(busy.Seen(mark)) << mark;
  }
  EXPECT_FALSE(busy.record_.failed()) << busy.record_.failure();
}

TEST(Nemesis, AWorldInWhichAllFaultsAreSkippedIsWhole) {
  std::set<uint64_t> all;
  for (uint64_t number = 0; number < 10'000; ++number) all.insert(number);
  BusyWorld busy(Everything(), all);
  busy.world_.RunFor(seconds(100));
  EXPECT_GT(busy.faults_.count(), 50u) << "they are drawn all the same";
  EXPECT_TRUE(busy.record_.marks().empty());
  EXPECT_EQ(busy.network_.counts().blocked + busy.network_.counts().held, 0u);
}

TEST(Nemesis, AHealedNetworkHasNoBlockedLink) {
  BusyWorld busy({.partition = milliseconds(100), .partition_mean = seconds(1000)});
  busy.world_.RunFor(seconds(10));
  ASSERT_TRUE(busy.network_.AnyBlocked());
  busy.nemesis_.Stop();
  busy.nemesis_.HealNetwork();
  EXPECT_FALSE(busy.network_.AnyBlocked());
  busy.world_.RunFor(seconds(100));
  EXPECT_FALSE(busy.network_.AnyBlocked()) << "nothing pending may cut it again";
}

TEST(Nemesis, ASwizzleEndsWithAllLinksMended) {
  BusyWorld busy({.swizzle = seconds(1000), .partition_mean = milliseconds(500)});
  busy.world_.RunFor(seconds(5000));
  EXPECT_TRUE(busy.Seen("nemesis.partition.swizzle"));
  EXPECT_GT(busy.network_.counts().delivered, 10 * busy.network_.counts().blocked);
}

}  // namespace
}  // namespace flotilla::simulation

// What survives crashes, after part 3C of the labs of MIT 6.5840.
#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/scenarios/scenario.h"
#include "tests/simulation/scenarios/scenario_seeds.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {
namespace {

using std::to_string;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Mit3C : public ScenarioTest {};
INSTANTIATE_TEST_SUITE_P(Seeds, Mit3C, ScenarioSeeds());

void PowerCycle(Scenario& scenario, NodeIndex node) {
  scenario.PowerOff(node);
  scenario.Restart(node);
}

TEST_P(Mit3C, Persist1) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "1");
  scenario.PowerOffAll();
  scenario.RestartAll();
  client.Append("list", "2");
  // A leader that loses its power is a follower that catches up.
  PowerCycle(scenario, scenario.AwaitLeader());
  client.Append("list", "3");
  const NodeIndex leader = scenario.AwaitLeader();
  scenario.PowerOff(leader);
  client.Append("list", "4");
  scenario.Restart(leader);
  scenario.AwaitAgreement();
  // So is a follower.
  const NodeIndex follower = scenario.AnyBut({scenario.AwaitLeader()});
  scenario.PowerOff(follower);
  client.Append("list", "5");
  scenario.Restart(follower);
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("list"), "12345");
}

TEST_P(Mit3C, Persist2) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  std::string expected;
  for (int round = 0; round < 5; ++round) {
    const auto append = [&](const char* step) {
      client.Append("list", step + to_string(round));
      expected += step + to_string(round);
    };
    append("a");
    std::vector<NodeIndex> order = scenario.All();
    scenario.random().Shuffle(order);
    scenario.PowerOff(order[0]);
    scenario.PowerOff(order[1]);
    append("b");
    // The others go too; a majority comes back of which two have missed the last write.
    for (size_t i = 2; i < 5; ++i) scenario.PowerOff(order[i]);
    scenario.Restart(order[0]);
    scenario.Restart(order[1]);
    scenario.RunFor(kElectionTimeout);
    scenario.Restart(order[3]);
    append("c");
    scenario.RestartAll();
  }
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("list"), expected);
}

TEST_P(Mit3C, Persist3) {
  Scenario scenario(GetParam());
  scenario.Start();
  ScenarioClient& client = scenario.NewClient();
  client.Append("list", "1");
  const NodeIndex leader = scenario.AwaitLeader();
  const NodeIndex third = scenario.AnyBut({leader});
  const NodeIndex second = scenario.AllBut({leader, third}).front();
  scenario.Isolate(third);
  client.AskOnly({leader, second});
  client.Append("list", "2");
  scenario.PowerOff(leader);
  scenario.PowerOff(second);
  scenario.Rejoin(third);
  scenario.Restart(leader);
  client.Append("list", "3");
  scenario.Restart(second);
  client.Append("list", "4");
  scenario.AwaitAgreement();
  EXPECT_EQ(client.Get("list"), "1234");
}

// Leaders fail just after they were given something, so that entries of old terms are around that
// a leader must not commit by counting copies (Raft paper, figure 8).
struct Figure8Pace {
  uint64_t pause_ms;  // at most, between a write and its leader's failure
  uint64_t fails_in_4;
};
constexpr int kFigure8Keys = 20;

void Figure8(Scenario& scenario, const Figure8Pace& pace,
             const std::function<void(NodeIndex)>& fail, const std::function<void()>& repair_some) {
  ScenarioClient& client = scenario.NewClient();
  client.Put("k", "0");
  OneWrites writes;
  for (int round = 0; round < 150; ++round) {
    std::optional<NodeIndex> leader;
    for (NodeIndex node : scenario.All()) {
      const bool leads = scenario.Raft(node).role == raft::Role::kLeader;
      if (!leads) continue;
      leader = node;
      writes.push_back(scenario.WriteOnce(node, "k" + to_string(round % kFigure8Keys)));
    }
    const bool long_pause = !leader.has_value() || scenario.random().Chance(1, 10);
    scenario.RunFor(milliseconds(scenario.random().Below(long_pause ? 500 : pace.pause_ms)));
    if (leader.has_value() && scenario.random().Chance(pace.fails_in_4, 4)) fail(*leader);
    repair_some();
  }
  scenario.Heal();
  scenario.RestartAll();
  client.Put("k", "1");
  scenario.AwaitAgreement();
  for (int i = 0; i < kFigure8Keys; ++i) client.Get("k" + to_string(i));
  EXPECT_GT(std::count_if(writes.begin(), writes.end(),
                          [](const auto& write) { return write->succeeded(); }),
            5);
}

TEST_P(Mit3C, Figure8) {
  Scenario scenario(GetParam(), {.nodes = 5});
  scenario.Start();
  size_t down = 0;
  const auto fail = [&](NodeIndex node) {
    if (scenario.random().Chance(1, 2)) {
      scenario.PowerOff(node);
    } else {
      scenario.Kill(node);
    }
    ++down;
  };
  Figure8(scenario, {.pause_ms = 13, .fails_in_4 = 3}, fail, [&] {
    if (down < 3) return;
    std::vector<NodeIndex> dead;
    for (NodeIndex node : scenario.All()) {
      if (!scenario.running(node)) dead.push_back(node);
    }
    scenario.Restart(scenario.random().Pick(dead));
    --down;
    scenario.RunFor(milliseconds(scenario.random().Below(1'500)));
  });
  EXPECT_GT(scenario.leaders_seen(), 10u);
}

TEST_P(Mit3C, Figure8Unreliable) {
  Scenario scenario(GetParam(), {.nodes = 5, .unreliable = true});
  scenario.Start();
  std::set<NodeIndex> cut_off;
  int rounds = 0;
  const auto fail = [&](NodeIndex node) {
    scenario.Isolate(node);
    cut_off.insert(node);
  };
  Figure8(scenario, {.pause_ms = 100, .fails_in_4 = 1}, fail, [&] {
    // Later messages also overtake each other, by up to seconds.
    if (++rounds == 100) {
      scenario.SetLinks({.loss = 100,
                         .replay = 50,
                         .delay_min = milliseconds(1),
                         .delay_mean = milliseconds(150),
                         .ordered = false});
    }
    if (cut_off.size() < 3) return;
    const std::vector<NodeIndex> nodes(cut_off.begin(), cut_off.end());
    const NodeIndex back = scenario.random().Pick(nodes);
    cut_off.erase(back);
    scenario.Rejoin(back);
    for (NodeIndex other : cut_off) scenario.Isolate(other);
    scenario.RunFor(milliseconds(scenario.random().Below(2'000)));
  });
  EXPECT_GT(scenario.leaders_seen(), 3u);
}

TEST_P(Mit3C, UnreliableAgree) {
  Scenario scenario(GetParam(), {.nodes = 5, .unreliable = true});
  scenario.Start();
  std::vector<ScenarioClient*> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(&scenario.NewClient());
  for (int round = 0; round < 30; ++round) {
    for (ScenarioClient* client : clients) client->Begin(OpKind::kIncrement, "k", "1");
    for (ScenarioClient* client : clients) EXPECT_TRUE(client->Await(seconds(30)));
  }
  scenario.SetLinks({});
  scenario.AwaitAgreement();
  EXPECT_EQ(clients[0]->Get("k"), "150");
}

// Clients go on while servers come and go.
void Churn(uint64_t seed, bool unreliable) {
  Scenario scenario(seed, {.nodes = 5, .unreliable = unreliable});
  scenario.Start();
  scenario.NewWorkers(3, {.registers = {"r1", "r2"},
                          .counters = {"c"},
                          .lists = {"l"},
                          .think_mean = milliseconds(20)});
  Random& random = scenario.random();
  for (int round = 0; round < 20; ++round) {
    const auto some = [&] { return static_cast<NodeIndex>(random.Below(5)); };
    if (random.Chance(1, 5)) scenario.Isolate(some());
    if (random.Chance(1, 2)) {
      const NodeIndex node = some();
      if (!scenario.running(node)) scenario.Restart(node);
      scenario.Rejoin(node);
    }
    if (random.Chance(1, 5)) scenario.PowerOff(some());
    scenario.RunFor(kElectionTimeout * 7 / 10);
  }
  scenario.Heal();
  scenario.RestartAll();
  scenario.StopWorkers();
  scenario.AwaitAgreement();
  EXPECT_GT(scenario.Succeeded(), 20u);
}

TEST_P(Mit3C, ReliableChurn) { Churn(GetParam(), false); }
TEST_P(Mit3C, UnreliableChurn) { Churn(GetParam(), true); }

}  // namespace
}  // namespace flotilla::simulation

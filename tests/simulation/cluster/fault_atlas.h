// Damage that may destroy what was acknowledged, and where it may happen (after TigerBeetle's fault
// atlas). The seed decides in advance on one machine. That one is damaged again and again, but only
// at moments in which all others have everything and can spare it: so a majority keeps its disks,
// nothing acknowledged may be lost, and all members must be whole again in the end.
//
// Beyond the atlas, in a few runs, any machine is damaged at any time. Then a node may stop itself
// and requests may stay unanswered, but what is answered must be right.
//
// Only what later records vouch for is damaged: the last moments of a log cannot be told from a
// write that a crash tore, which docs/guarantees.md names as an exception.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_FAULT_ATLAS_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_FAULT_ATLAS_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "tests/simulation/fault_schedule.h"
#include "tests/simulation/nemesis.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_machine.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

struct FaultAtlasOptions {
  Duration damage{};  // mean time between; zero: never
  // A machine may also lose its whole disk; of these, the first ones, one keeps it: when all of
  // them had nothing left, nothing would keep them from founding another cluster.
  bool wipes = false;
  NodeIndex founders = 0;
  bool beyond = false;  // any machine, at any time
};

// A part of a file: from its beginning to `size`.
struct DamagePlace {
  std::string path;
  uint64_t size = 0;

  friend bool operator==(const DamagePlace&, const DamagePlace&) = default;
};
// How much of a log segment something later in it vouches for, durably; of the newest segment of a
// log that may be in use.
uint64_t VouchedBytes(std::string_view segment);
// What may be damaged in the data folder of a node.
std::vector<DamagePlace> DamagePlaces(const SimDisk& disk, const std::string& folder);

class FaultAtlas {
 public:
  struct World {
    SimWorld& world;
    const SimMachines& machines;
    Nemesis& nemesis;
    FaultSchedule& faults;
    RunRecord& record;
    // All machines but this one are well, and every group has a majority without it.
    std::function<bool(NodeIndex)> can_spare;
    // A machine has lost its whole disk.
    std::function<void(NodeIndex)> on_wipe = [](NodeIndex) {};
  };

  // Everything in `world` outlives the atlas. Adds its faults to the schedule.
  FaultAtlas(World world, const FaultAtlasOptions& options);

  // Its replicas may fail and its node may stop: for good, if nothing but its disk says what it
  // has.
  bool damaged(NodeIndex node) const { return damaged_.contains(node); }
  bool any_damaged() const { return !damaged_.empty(); }
  // These may not come back as the nodes that they were.
  const std::set<NodeIndex>& wiped() const { return wiped_; }

 private:
  enum class Kind { kFlipBits, kLoseSector, kMisdirect, kWipe };

  Kind DrawKind(Random& random) const;
  void Damage(Random& random);
  void CarryOut(Kind kind, NodeIndex node, Random& random);
  void Hit(Kind kind, NodeIndex node, Random& random);

  const World world_;
  const FaultAtlasOptions options_;
  const NodeIndex victim_;
  std::set<NodeIndex> damaged_;
  std::set<NodeIndex> wiped_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_FAULT_ATLAS_H_

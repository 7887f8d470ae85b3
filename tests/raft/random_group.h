// A group under random attack, all of it drawn from one seed: messages lost, repeated and out of
// order, partitions, crashes that lose unsynced writes, slow disks and state machines, membership
// changes, transfers, compactions, snapshots that fail. Safety is checked after every step;
// afterwards the group is healed as far as it must be, and has to make progress.
#ifndef FLOTILLA_TESTS_RAFT_RANDOM_GROUP_H_
#define FLOTILLA_TESTS_RAFT_RANDOM_GROUP_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "raft/raft_core.h"
#include "raft/types.h"
#include "tests/raft/test_network.h"

namespace flotilla::raft {

class RandomGroup {
 public:
  explicit RandomGroup(uint64_t seed);

  void Attack(int steps);
  // Heals a quorum for good and checks that it elects, commits, reads and converges.
  void CheckLiveness();

  // How often each kind of step was taken and had an effect: an attack that never happened is a
  // test that cannot fail.
  const std::map<std::string, int>& counts() const { return counts_; }
  // The same for two runs of one seed.
  uint64_t Fingerprint() const;

 private:
  struct Action {
    const char* name;
    bool (RandomGroup::*run)();
    uint64_t weight;
  };

  // Each returns whether anything happened.
  bool DeliverSome();
  bool LoseMessage();
  bool RepeatMessage();
  bool TickOne();
  bool CompleteWrite();
  bool ReportWrites();
  bool CompleteApply();
  bool CompleteFetch();
  bool FlushState();
  bool Compact();
  bool ProposeSome();
  bool Read();
  bool TransferLeadership();
  bool ChangeMembers();
  bool CrashOne();
  bool RestartOne();
  bool CutLink();
  bool IsolateOne();
  bool HealAll();
  bool EndSnapshot();
  bool LosePeer();

  static RaftOptions DrawOptions(Random& random);
  void DrawWeights();
  int AnyUp();
  void CheckReads();
  void Crash(int node, size_t surviving_writes);
  // A leader, or any member that believes to be one.
  int AnyLeader();
  NodeId AnyNode();
  // Takes one node away for good if the others can do without it.
  void BreakOneForGood();
  bool CanDoWithout(int node) const;
  void RunRound();
  void Converge(LogIndex beyond);
  bool HasConverged() const;
  std::string Describe() const;

  Random random_;
  RaftOptions options_;
  TestNetwork network_;
  std::vector<Action> actions_;
  std::map<std::string, int> counts_;
  // The least index that each read under way must be answered with.
  std::map<std::pair<int, ReadId>, LogIndex> pending_reads_;
  int broken_ = 0;
  int proposals_ = 0;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_RANDOM_GROUP_H_

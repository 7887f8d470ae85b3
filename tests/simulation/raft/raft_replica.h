// One member of one group in the raft world: a RaftCore, a state machine that is a hash, and the
// host's duties between them (raft_core.h lists them), carried out with drawn delays. The oracle
// sees every step.
#ifndef FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_REPLICA_H_
#define FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_REPLICA_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "raft/raft_core.h"
#include "tests/simulation/raft/model_log.h"
#include "tests/simulation/raft/raft_oracle.h"
#include "tests/simulation/raft/raft_wire.h"
#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

// What a replica needs of the process that hosts it; implemented by RaftHost.
class RaftReplicaHost {
 public:
  virtual ~RaftReplicaHost() = default;
  // The replica has work for Pump, soon.
  virtual void WantPump(ShardId group) = 0;
  virtual void Send(raft::Message message) = 0;
  virtual void SendPacket(NodeId to, const Packet& packet) = 0;
  // Runs `task` on this process after about `mean`.
  virtual void Later(Duration mean, Task task) = 0;
  virtual ModelLog& log() = 0;
  // `durable` runs on this process when the change is on its disk.
  virtual void WriteLog(ShardId group, ModelLog::Change change, Task durable) = 0;
  // What that member's disk would still have after a power cut; null when nothing.
  virtual const GroupLog* DiskOf(ShardId group, const raft::Member& member) = 0;
  // The member is not in its committed configuration any more.
  virtual void Removed(ShardId group) = 0;
};

struct RaftReplicaOptions {
  raft::RaftOptions raft;
  Duration apply_delay{};
  Duration fetch_delay{};
  // How long a snapshot is on its way.
  Duration snapshot_delay{};
  // Compact when the log is longer than this.
  uint64_t compact_entries = 10;
  // Per mille: compact without regard to slow peers, so that they need snapshots.
  uint32_t compact_ruthlessly = 200;
  // Per mille, after each applied batch: the engine's state becomes durable.
  uint32_t flush = 300;
};

class RaftReplica {
 public:
  // Everything outlives the replica; what it left with the host does nothing once it is gone. The
  // log holds what the member knew.
  RaftReplica(ShardId group, raft::Member self, const RaftReplicaOptions& options,
              RaftReplicaHost& host, RaftOracle& oracle, RunRecord& record, Random random);
  ~RaftReplica() { *alive_ = false; }

  raft::RaftCore& core() { return core_; }
  const raft::Member& self() const { return self_; }
  LogIndex applied() const { return applied_; }
  // Where it stands, for traces.
  std::string Describe() const;

  // Inputs; Pump follows.
  void Receive(raft::Message message);
  void Tick();
  void OnOffer(const SnapshotOffer& offer);
  void OnAnswer(const SnapshotAnswer& answer);
  // A read that must see everything committed until now.
  void Read();

  // Carries out what the core wants done.
  void Pump();
  // To be called after each input that did not come through a method above (a proposal).
  void Observe();

 private:
  template <typename F>
  auto IfAlive(F task) {
    return [alive = alive_, task = std::move(task)]() mutable {
      if (*alive) task();
    };
  }
  void Persist(raft::PersistRequest request);
  void CheckHardState(const raft::HardState& before, const raft::HardState& after);
  // That what a message promises is on the disk.
  void CheckPromise(const raft::Message& message);
  void Transmit(raft::Message message);
  void TakeCommitted(std::vector<raft::Entry> entries);
  void CheckCommit();
  void ScheduleApply();
  void Apply();
  void MaybeCompact();
  void Answer(const raft::ReadReady& read);
  void Fetch(const raft::FetchRequest& request);
  void SendSnapshot(const raft::SnapshotRequest& request);
  void SendSnapshotParts(const raft::SnapshotRequest& request, int left);
  void OfferSnapshot(const raft::SnapshotRequest& request);
  void EndTransfer(const raft::Member& to, Term term, bool ok, LogIndex index);
  void Install(const SnapshotOffer& offer);
  void ReplyToOffer(const SnapshotOffer& offer, bool ok);

  GroupLog& log() { return host_.log().Current(group_); }
  bool IsRemoved();
  void Fail(const std::string& what);
  void Trace(const std::string& what);

  const ShardId group_;
  const raft::Member self_;
  const RaftReplicaOptions& options_;
  RaftReplicaHost& host_;
  RaftOracle& oracle_;
  RunRecord& record_;
  Random random_;
  raft::RaftCore core_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  LogIndex applied_;
  LogIndex checked_commit_;
  std::deque<raft::Entry> to_apply_;
  bool applying_ = false;
  // Between an accepted snapshot and its durable installation.
  bool installing_ = false;
  bool compacting_ = false;
  bool removal_reported_ = false;
  // For each read, what was committed when it began.
  std::map<raft::ReadId, LogIndex> reads_;
  std::map<raft::Member, Term> transfers_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_RAFT_RAFT_REPLICA_H_

// One replica of one shard on this node: the consensus core, its applied state, and the requests
// that wait for either. It turns inputs (requests, messages, completions, ticks) into the core's
// inputs, and once per turn of the node's loop carries out what the core asks for.
//
//   Write --> pending writes --Propose--> core --persist--> log --AppendDone--> core
//                                          |--messages--> outbox
//                                          '--committed--> applier --ApplyDone--> answers
//   Read  --> pending reads --ReadIndex--> core --ReadReady--> applied? --> applier --> answers
#ifndef FLOTILLA_NODE_REPLICA_H_
#define FLOTILLA_NODE_REPLICA_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/applier.h"
#include "node/child_preparation.h"
#include "node/directory_messages.h"
#include "node/envelope.h"
#include "node/freshness.h"
#include "node/load_meter.h"
#include "node/node.h"
#include "node/pending_reads.h"
#include "node/pending_writes.h"
#include "node/repairs.h"
#include "node/replica_context.h"
#include "node/request_budget.h"
#include "node/request_rate.h"
#include "node/snapshot_receiver.h"
#include "node/snapshot_sender.h"
#include "raft/raft_core.h"

namespace flotilla::node {

// All that is known of a replica when it begins to run.
struct ReplicaStart {
  raft::InitialState raft;
  Generation generation;
  ReplicaState state;  // empty: it waits for its first snapshot
  std::string engine_note;
  uint64_t seed = 0;
};

// Held by shared_ptr: callbacks of the log and of sequences keep weak references, and find out that
// the replica was dropped.
class Replica : public std::enable_shared_from_this<Replica> {
 public:
  static std::shared_ptr<Replica> Create(ReplicaStart start, ReplicaContext& context);
  ~Replica();

  ShardId shard() const { return shard_; }
  raft::Member self() const { return self_; }
  Generation generation() const { return generation_; }

  // A request keeps its share of the node's budget until it is answered.
  void Write(WriteRequest request, WriteDone done, RequestBudget::Share share);
  void Read(ReadRequest request, ReadDone done, RequestBudget::Share share);
  // A command of the shard's own: carried out here, while this replica leads, or not at all.
  void RunCommand(kv::Operation operation, WriteDone done);
  void ChangeMembership(const raft::ConfigurationChange& change,
                        absl::AnyInvocable<void(absl::Status)> done);
  // What the directory's leader asks for, if this replica leads and the shard is still as it was.
  void Obey(const ShardOrder& order);
  void TransferLeadership(NodeId target, absl::AnyInvocable<void(absl::Status)> done);
  // Hands leadership to the member that is most caught up, when this replica leads.
  void GiveUpLeadership();
  // Without waiting for an election timeout: the first leader of a new group.
  void Campaign();
  // The same for a child whose other members are only being made: again and again, for a while.
  void CampaignAsChild(int attempts = 100);

  void Receive(raft::Message message);
  void OnSnapshotOffer(const SnapshotOffer& offer);
  void OnSnapshotData(SnapshotData data);
  void OnSnapshotAnswer(const SnapshotAnswer& answer);
  // What the group knows of a member, once that is committed; nullopt when this replica cannot
  // tell.
  std::optional<MembershipAnswer> MembershipOf(const raft::Member& member) const;
  // A peer's node declares its replica unfit; only the leader does something about it.
  void OnRepairRequest(const RepairRequest& request);
  void OnPeerLost(NodeId node);
  void Tick();

  // Cuts the shard's arc in two; the slots from split.at on become those of a new shard with the
  // same members (replica_split.cc). `done` when both halves are there, or nothing has changed and
  // nothing will; kAborted when leadership was lost meanwhile, and nobody can tell.
  void Split(const kv::SplitShard& split, absl::AnyInvocable<void(absl::Status)> done);
  void OnSplitPreparationRequest(const SplitPreparationRequest& request);
  void OnSplitPreparationAnswer(const SplitPreparationAnswer& answer);
  // The state is behind the split at this entry of the shard's log, however it got there, and this
  // replica will make no replica of the child any more.
  bool HasPassedSplit(LogIndex index) const {
    return applied_.index > index || (applied_.index == index && !OwesChild());
  }

  // Does all that the inputs since the last turn asked for.
  void Turn();

  // Makes all of the log unnecessary that can be: for groups that pin old segments.
  void ShrinkLog();
  // No request may wait any longer.
  void FailAll(const Error& error);

  bool IsLeader() const { return core_.role() == raft::Role::kLeader; }
  // Leads, and waits for another member to take over. False where nobody could.
  bool IsHandingOver() const {
    return IsLeader() && !core_.Status().transfer_target.node.is_none();
  }
  Route CurrentRoute() const;
  const sharding::ShardDescriptor& descriptor() const { return applied_.descriptor; }
  bool IsVoter() const { return core_.configuration().IsVoter(self_.replica); }
  // Why this replica stopped itself, if it did.
  const std::optional<absl::Status>& failure() const { return failure_; }
  // A linearizable read would be served: there is a leader that answers.
  bool HasLeader() const;
  ReplicaStatus Status() const;
  // What the directory is to know of the shard, and of a child that was just split off; nothing
  // from one that does not lead.
  std::vector<ShardReport> Report() const;
  LearnerProgress ProgressOf(const raft::RaftStatus& status, const raft::Member& learner) const;

 private:
  struct MembershipWaiter {
    raft::Position position;
    absl::AnyInvocable<void(absl::Status)> done;
  };

  Replica(ReplicaStart start, ReplicaContext& context);

  MonoTime Now() const { return context_.env.clock.Now(); }
  void Touch() { context_.touch(shard_); }
  // Wraps a callback that must not outlive the replica.
  template <typename Callback>
  auto Alive(Callback callback);

  // Requests (replica_requests.cc).
  void CountServed(LoadMeter::SlotOf slot_of);
  std::optional<Error> Refuse(const RequestContext& context, const Target& target) const;
  void DispatchWrites();
  void ForwardWaitingWrites();
  void Forward(NodeId leader, PendingWrite write);
  bool RoundIsDue();
  void ProposeWaiting();
  void RegisterReads();
  void ServeReads();
  void OnReadsExecuted(uint64_t batch, MonoTime fresh_as_of, Applier::ReadResults results);
  void ArmDeadlineTimer();
  void OnDeadline();

  // What the core asks for (replica.cc).
  void CarryOut(raft::Outputs outputs);
  void OnRoleChange(const raft::RoleChange& change);
  void Persist(raft::PersistRequest request);
  void Fetch(const raft::FetchRequest& request, int attempt = 1);
  void ApplyNext();
  void OnApplied(absl::StatusOr<Applier::Applied> applied);
  Office CurrentOffice() const;
  bool IsRemoved() const;
  void SettleMembershipWaiters();
  void AbortMembershipWaiters(const raft::RoleChange& change);
  absl::Status NotTheLeader() const;
  absl::StatusOr<raft::Position> Propose(raft::ConfigurationChange change);
  void ContinueRepairs();
  void Fail(const absl::Status& why);

  // The shard is cut in two (replica_split.cc).
  void ContinuePreparingSplit();
  LogIndex PrepareSplit(const SplitPreparationRequest& request);
  void ContinuePreparingChild();
  void ProposeSplit();
  void AbortPreparingSplit(const absl::Status& why);
  bool OwesChild() const;
  void MakeChild();
  ReplicaStart StartOfChild(Generation generation) const;
  void OnChildMade(ReplicaStart start, absl::StatusOr<Applier::Child> child,
                   std::string_view made_of);
  void MaybeSweep();

  // The log's length and the engine's durability (replica_storage.cc).
  void OnDurable(storage::DurablePoint point);
  void MaybeFlush();
  void RequestFlush();
  // Whether the engine has that durably; if not, it is asked for it.
  bool EnsureFlushed(LogIndex upto);
  void MaybeCompact();
  void MaybeRest();
  void Compact(LogIndex upto);

  // A received snapshot becomes live (replica_install.cc).
  void BeginInstall();
  void OnStateReplaced(absl::StatusOr<kv::AppliedState> applied);
  void OnSnapshotDurable(Generation replaced);
  void DiscardInstall(SnapshotAnswer::Kind kind);

  const ShardId shard_;
  const raft::Member self_;
  ReplicaContext& context_;

  raft::RaftCore core_;
  Applier applier_;
  // As of the last batch that was applied and written. Invariant: applied_.index == core_.applied()
  // except while an answer from the applier is on its way.
  kv::AppliedState applied_;
  storage::EngineStats engine_stats_;
  Generation generation_;
  storage::DurablePoint durable_;

  PendingWrites writes_;
  PendingReads reads_;
  // Requests that failed to find a leader try again on the next tick or with the next leader, not
  // at once: until then that would spin.
  bool writes_wait_for_tick_ = false;
  bool reads_wait_for_tick_ = false;
  MonoTime last_read_round_;
  std::vector<MembershipWaiter> membership_waiters_;
  // A split that is to be proposed once the members are prepared, or at least a majority.
  struct SplitPreparation {
    kv::SplitShard split;
    absl::AnyInvocable<void(absl::Status)> done;
    LogIndex flush_upto;
    std::map<ReplicaId, LogIndex> durable;
    MonoTime majority_is_enough_at;
    MonoTime give_up_at;
  };
  std::optional<SplitPreparation> preparing_split_;
  ChildPreparation child_;
  // The state at the split is being copied, or on its way to become the child's replica.
  bool making_child_ = false;
  std::optional<Generation> child_generation_;  // of the folder that was prepared for it
  MonoTime copy_again_at_;                      // after a copy that failed
  bool sweeping_ = false;                       // a page was proposed
  Repairs repairs_;
  Freshness freshness_;
  RequestRate load_;
  LoadMeter meter_;  // counts while this replica leads

  // Committed entries that are not handed to the applier yet, and whether it is busy.
  std::vector<raft::Entry> apply_queue_;
  bool applying_ = false;
  MonoTime apply_started_;

  // No proposal before this moment while others are in flight (adaptive round spacing).
  MonoTime next_round_;
  bool round_timer_armed_ = false;

  uint64_t bytes_since_flush_ = 0;
  // Nothing was applied since its memory was given back.
  bool rests_ = false;
  // What the last requested flush will make durable at least.
  LogIndex flush_requested_at_;
  MonoTime flush_requested_time_;
  // Where the log begins: everything up to here is in the engine, durably.
  LogIndex compacted_;
  bool compacting_ = false;

  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  const std::unique_ptr<Sequence> cleanup_;
  raft::Member last_leader_;
  // Records in the log whose durability the core waits for.
  size_t outstanding_persists_ = 0;
  // Reads of the log that the core waits for.
  size_t outstanding_fetches_ = 0;
  // A received snapshot on its way to become live. From then on the core gets no new input; once
  // all that it had asked for is done (installing_), it gets none at all, so that nothing that it
  // would persist can slip between the snapshot and its mark in the log.
  std::optional<ReceivedSnapshot> install_;
  bool installing_ = false;

  TimerId deadline_timer_ = 0;
  std::optional<MonoTime> deadline_armed_for_;
  // Why this replica stopped itself. It answers nothing and takes no part any more.
  std::optional<absl::Status> failure_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_H_

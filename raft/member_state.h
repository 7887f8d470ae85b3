// What a member keeps in whatever role: its vote, its log with the configurations in it, what is
// durable, and the outputs collected since they were last taken. The roles (Follower, Candidate,
// Leader) hold a reference to it and change the log only through it, so that log, configurations
// and persistence never disagree.
#ifndef FLOTILLA_RAFT_MEMBER_STATE_H_
#define FLOTILLA_RAFT_MEMBER_STATE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "raft/configuration_history.h"
#include "raft/entry_fetch.h"
#include "raft/messages.h"
#include "raft/persistence.h"
#include "raft/raft_core.h"
#include "raft/raft_log.h"
#include "raft/types.h"

namespace flotilla::raft {

class MemberState {
 public:
  MemberState(const RaftOptions& raft_options, const InitialState& initial, uint64_t seed);

  const RaftOptions options;
  const ShardId group;
  const Member self;

  Term term() const { return term_; }
  ReplicaId vote() const { return vote_; }
  const RaftLog& log() const { return log_; }
  const ConfigurationHistory& configurations() const { return configurations_; }
  const Configuration& configuration() const { return configurations_.active(); }
  const Persistence& persistence() const { return persistence_; }

  // Moves to a later term, in which no vote is given yet. Precondition: term > term().
  void EnterTerm(Term term);
  // Precondition: no vote given in this term, or the same one.
  void VoteFor(ReplicaId candidate);

  // Appends an entry of the own term (on the leader).
  LogIndex AppendOwn(EntryKind kind, SharedBytes payload);
  // Appends what a leader sent, cutting off what conflicts with it. Entries that are in the log
  // already change nothing. Precondition: well-formed, and the log contains what precedes them.
  void AppendFromLeader(std::vector<Entry> entries);
  void CommitTo(LogIndex index) { log_.CommitTo(index); }
  void AppliedTo(LogIndex index) { log_.AppliedTo(index); }
  void ForgetApplied() { log_.ForgetApplied(); }
  void CompactTo(LogIndex index);
  void InstallSnapshot(const SnapshotMeta& meta);
  void OnPersisted(Ticket ticket) { persistence_.OnDone(ticket); }
  void Tick() { persistence_.Tick(); }

  // The disk has been asked for something, and done nothing for an election timeout.
  bool DiskHangs() const { return persistence_.hanging_ticks() >= options.election_timeout_ticks; }
  // Whether this member may campaign: it is a voter, or may still be one, and it could win.
  bool CanCampaign() const;
  // Bytes that are committed and wait for the state machine.
  uint64_t UnappliedBytes() const;
  // How far entries may be applied: the state never overtakes the local log.
  LogIndex ApplyLimit() const { return persistence_.durable(); }

  Message MakeMessage(const Member& to, Body body) const;
  // At once. Consecutive acknowledgements to the same leader become one.
  void Send(const Member& to, Body body);
  void SendWithTerm(const Member& to, Term term, Body body);
  // As soon as the vote, the term and the log up to `index` are durable: perhaps at once.
  void SendWhenDurable(const Member& to, LogIndex index, Body body);

  ReadId NextReadId() { return ++last_read_id_; }
  uint64_t NextReadContext() { return ++last_read_context_; }
  // None as index: the read failed.
  void FinishRead(ReadId read, LogIndex index) { outputs.reads.push_back({read, index}); }
  void FailReads(const std::vector<ReadId>& reads);

  bool HasPersistRequest() const;
  std::optional<PersistRequest> TakePersistRequest();
  std::vector<Entry> TakeCommitted();
  bool HasCommitted() const { return log_.HasCommitted(ApplyLimit()); }

  // Drawn anew for every wait, so that members rarely time out together (Raft thesis 3.4).
  int DrawElectionTimeoutTicks();

  // Everything but `persist`, `committed` and `role_change`, which are made when taken.
  Outputs outputs;
  EntryFetch fetch;

 private:
  HardState CurrentHardState() const { return {term_, vote_, log_.commit()}; }

  Term term_;
  ReplicaId vote_;
  RaftLog log_;
  ConfigurationHistory configurations_;
  Persistence persistence_;
  Random random_;
  ReadId last_read_id_ = 0;
  uint64_t last_read_context_ = 0;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_MEMBER_STATE_H_

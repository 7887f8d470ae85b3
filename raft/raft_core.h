// One member of one Raft group, as a pure state machine (in the manner of etcd-raft and ScyllaDB's
// raft::fsm): inputs come through the methods, everything to be done about them comes out of
// TakeOutputs. No clock, I/O, thread, lock, callback or global randomness; deterministic given its
// inputs and its seed. Not thread-safe: one executor owns it.
//
// The host (node/) must
//   1. feed Tick at a steady rate and Receive with every message addressed to this member;
//   2. after each batch of inputs, carry out TakeOutputs: persist and then report AppendDone, send
//      what may go now, hand over the committed entries and report ApplyDone;
//   3. never send the messages of a PersistRequest before it is durable.
// Appends are asynchronous: the leader replicates in parallel with its own disk write and counts
// itself only after AppendDone (etcd#14370). Entries are given out for application only up to
// min(commit, locally durable).
#ifndef FLOTILLA_RAFT_RAFT_CORE_H_
#define FLOTILLA_RAFT_RAFT_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "raft/messages.h"
#include "raft/types.h"

namespace flotilla::raft {

struct RaftOptions {
  // A follower campaigns after between one and two of these without word from a leader.
  int election_timeout_ticks = 10;
  int heartbeat_ticks = 1;
  bool pre_vote = true;
  bool check_quorum = true;

  // Limits in bytes (Entry::ByteSize). One entry always passes, whatever its size.
  size_t max_message_bytes = 1 << 20;
  size_t max_inflight_bytes_per_peer = 8 << 20;
  size_t max_inflight_messages_per_peer = 256;
  size_t max_uncommitted_bytes = 64 << 20;  // Propose refuses beyond this
  size_t max_apply_batch_bytes = 4 << 20;   // committed entries per Outputs
  size_t max_unapplied_bytes = 64 << 20;    // a follower stops accepting appends beyond this
  size_t entry_cache_bytes = 32 << 20;      // applied payloads kept for slow peers
  size_t max_waiting_reads = 1 << 16;       // ReadIndex refuses beyond this

  // Leadership is not handed to a voter that lacks more entries than this.
  uint64_t max_transfer_lag = 128;
  // Nor to one that has more committed entries to apply, as after a restart: it would be elected at
  // once and serve nothing until then. Heartbeats tell, so it covers what is written between two.
  uint64_t max_transfer_unapplied = 2048;

  // Compare the state before and after every input (raft/invariants.h). Cheap, but not free.
  bool check_invariants = true;
};

// What the member knew when it stopped; read from the log and the applied state.
struct InitialState {
  Member self;
  ShardId group;
  HardState hard_state;
  SnapshotMeta snapshot;  // where the log begins: its first entry has index snapshot.index + 1
  // The durable log after the snapshot, without gaps. Payloads may be absent (null) for commands up
  // to `applied`; configuration entries always carry theirs.
  std::vector<Entry> entries;
  LogIndex applied;  // what the state machine already contains; at least snapshot.index
};

// Identifies a read through its confirmation. Given out by ReadIndex, never reused.
using ReadId = uint64_t;
// Identifies a PersistRequest until AppendDone.
using Ticket = uint64_t;

// Make durable, in this order of meaning: entries replace everything from entries.front().index on.
// One ticket covers all; tickets are issued in increasing order and must become durable in order. A
// request with nothing to write is a barrier: it is done when all before it are.
struct PersistRequest {
  Ticket ticket = 0;
  std::optional<HardState> hard_state;
  std::vector<Entry> entries;
  // Only to be sent when the ticket is durable.
  std::vector<Message> messages_after;
  // False for a barrier, which adds nothing to the log.
  bool must_sync = true;
};

struct ReadReady {
  ReadId id = 0;
  // Serve once the state machine has applied this. None: the read failed (leadership was lost or
  // never confirmed); nothing may be served for it.
  LogIndex index;
};

// A peer needs entries whose payloads are no longer in memory; answer with EntriesFetched.
struct FetchRequest {
  LogIndex first;
  LogIndex last;
  size_t max_bytes = 0;
};

// A peer needs what the log no longer has: send it a snapshot at or after `at_least`, then report
// SnapshotFinished. At most one per peer is under way; another request for the same peer and a
// later `at_least` replaces it.
struct SnapshotRequest {
  Member to;
  Term term;  // of this leader, for the transfer's key (scylladb#29092)
  LogIndex at_least;
};

struct RoleChange {
  Role role = Role::kFollower;
  Term term;
  Member leader;  // none when unknown

  friend bool operator==(const RoleChange&, const RoleChange&) = default;
};

// All that one batch of inputs caused.
struct Outputs {
  std::optional<PersistRequest> persist;
  std::vector<Message> messages;  // may be sent at once
  std::vector<Entry> committed;   // apply in order, then report ApplyDone(last index)
  std::vector<ReadReady> reads;
  std::vector<FetchRequest> fetches;
  std::vector<SnapshotRequest> snapshots;
  std::optional<RoleChange> role_change;

  bool empty() const;
};

// A snapshot that has been received, verified and made live by the host.
struct InstalledSnapshot {
  SnapshotMeta meta;
};

// Where a proposal was put. It took effect if and only if the entry committed at `index` has
// `term`.
struct Position {
  LogIndex index;
  Term term;
};

struct PeerProgress {
  Member member;
  bool is_voter = false;
  LogIndex match;
  bool recently_active = false;
  bool snapshot_pending = false;
};

// A copy of what there is to see; for the host, metrics and tests.
struct RaftStatus {
  Member self;
  Role role = Role::kFollower;
  Term term;
  ReplicaId vote;
  Member leader;
  LogIndex commit;
  LogIndex applied;
  LogIndex durable;
  LogIndex first_index;
  LogIndex last_index;
  Configuration configuration;
  bool configuration_committed = true;
  Member transfer_target;
  std::vector<PeerProgress> peers;  // filled on the leader only
};

class RaftCore {
 public:
  // `seed` drives election jitter and the choice of read contexts; it must differ between the lives
  // of a replica (an answer to a question of an earlier life must not be taken for a new one).
  RaftCore(const RaftOptions& options, const InitialState& initial, uint64_t seed);
  ~RaftCore();
  RaftCore(RaftCore&&) noexcept;
  RaftCore& operator=(RaftCore&&) noexcept;

  // One unit of time has passed.
  void Tick();

  // A message from a peer. Messages for another replica id, or from one that this group never knew
  // or has removed, are handled as the protocol demands or ignored; never trusted.
  void Receive(Message message);

  // The connection to that node broke. A hint only: voters pre-campaign in a rank order computed
  // from (group, configuration), the first at once, each next a vote round later.
  void PeerLost(NodeId node);

  // Appends a command to the log. Errors, nothing done: kFailedPrecondition when not leader or
  // when leadership is being transferred, kResourceExhausted beyond max_uncommitted_bytes.
  absl::StatusOr<Position> Propose(SharedBytes payload);

  // Starts a joint configuration change and leaves it by itself once committed (Raft thesis 4.3).
  // Errors: kFailedPrecondition when not leader, when a change is pending, or when no entry of this
  // term is committed yet (the single-server bug, raft-dev 2015); kInvalidArgument when the change
  // makes no sense (says why).
  absl::StatusOr<Position> ProposeConfiguration(const ConfigurationChange& change);

  // Registers a linearizable read; on a follower it is forwarded to the leader. The outcome comes
  // as ReadReady. kUnavailable when there is no leader to ask.
  absl::StatusOr<ReadId> ReadIndex();

  // Tells the followers at once what is committed. Otherwise they learn it with the next append,
  // the next heartbeat, or when they ask for a read index: soon enough to apply it, and one message
  // and its answer per peer and commit cheaper. For entries that followers should act on promptly.
  void AnnounceCommit();

  // Hands leadership to a voter (thesis 3.10). kFailedPrecondition when not leader,
  // kInvalidArgument when the target is not another voter, kUnavailable when it has not answered
  // this leader lately or is too far behind. Meanwhile no proposal is taken.
  absl::Status TransferLeadership(NodeId target);

  // Campaigns now, with PreVote as configured. For a fresh single group and for tests.
  void Campaign();

  // The ticket, and all before it, are durable.
  void AppendDone(Ticket ticket);

  // The state machine contains everything up to `index`.
  void ApplyDone(LogIndex index);

  // The answer to a FetchRequest: a prefix of what was asked, or empty when it is gone.
  void EntriesFetched(std::vector<Entry> entries);

  // A snapshot transfer ended. With `ok` the peer has installed it at `meta_index`, or holds all
  // that is in it already.
  void SnapshotFinished(Member to, Term term, bool ok, LogIndex meta_index);

  // The host has made a received snapshot live *and durable*: the log before it, and any suffix
  // that does not match it, are gone from the host's log in the same atomic write. That write comes
  // after all PersistRequests taken so far, and no input may come between it and this call: what
  // would be appended meanwhile belongs to a log that is about to go.
  // kFailedPrecondition when it is older than what is committed here (nothing done): check
  // WouldInstall first.
  absl::Status SnapshotInstalled(const InstalledSnapshot& snapshot);
  // Whether a snapshot with this meta is news to this member. If not, the log has it all or will
  // get it, and the sender may be told that the transfer is finished.
  bool WouldInstall(const SnapshotMeta& meta) const;

  // For a group at rest: frees the memory of entries that are applied. A peer that lacks some makes
  // the core fetch them.
  void ForgetApplied();
  // Forgets entries up to `index`, which the state machine durably contains. The host calls it
  // after its log holds the compaction. Precondition: index <= applied.
  void Compacted(LogIndex index);
  // The highest index that may be compacted so that no peer that is keeping up needs a snapshot;
  // the host may go beyond it when the log's budget demands it.
  LogIndex CompactionHint() const;

  Outputs TakeOutputs();
  bool HasOutputs() const;

  RaftStatus Status() const;
  // Cheap accessors for the hot path.
  Role role() const;
  Term term() const;
  Member leader() const;
  LogIndex commit() const;
  LogIndex applied() const;
  LogIndex last_index() const;
  // The term of the entry at `index`, none when it is not in [first_index - 1, last_index].
  std::optional<Term> TermAt(LogIndex index) const;
  // The active configuration: the last one in the log, committed or not.
  const Configuration& configuration() const;
  // The configuration as of `index` (for a snapshot at that index) and the index that set it.
  SnapshotMeta MetaAt(LogIndex index) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_RAFT_CORE_H_

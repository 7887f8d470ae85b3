// One member of a test group with a host around it: a disk that loses what was not synced, a state
// machine whose state is a hash of everything it applied, and queues of work that the core asked
// for and the test completes when it likes.
#ifndef FLOTILLA_TESTS_RAFT_TEST_MEMBER_H_
#define FLOTILLA_TESTS_RAFT_TEST_MEMBER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

// A state machine for which order and completeness is everything.
struct TestState {
  LogIndex applied;
  uint64_t hash = 0;

  void Apply(const Entry& entry);
  friend bool operator==(const TestState&, const TestState&) = default;
};

// What survives a crash.
struct TestDisk {
  HardState hard_state;
  SnapshotMeta snapshot;
  std::vector<Entry> entries;  // after the snapshot
  TestState state;             // as of the last flush; not before the snapshot

  LogIndex last_index() const { return snapshot.index + entries.size(); }
  // None outside the log.
  std::optional<Term> TermAt(LogIndex index) const;
  void Write(const PersistRequest& request);
  // The log up to meta.index, and what does not match it, makes room for a snapshot.
  void InstallSnapshot(const SnapshotMeta& meta, const TestState& snapshot_state);
  void CompactTo(const SnapshotMeta& meta);
};

class TestMember {
 public:
  // A member as it comes up with this on its disk.
  TestMember(ShardId group, const Member& self, const RaftOptions& options, TestDisk disk,
             uint64_t seed);

  const Member& self() const { return self_; }
  RaftCore& core() { return core_; }
  const RaftCore& core() const { return core_; }
  const TestDisk& disk() const { return disk_; }
  const TestState& state() const { return state_; }

  // Moves everything that the core wants done into the queues below.
  void TakeOutputs();
  // Sees all outputs before they are moved.
  std::function<void(const Outputs&)> observer;

  // The oldest write reaches the disk; its messages may go. The core hears of it now or later.
  bool HasWrites() const { return !writes_.empty(); }
  void CompleteWrite();
  bool HasUnreported() const { return !unreported_.empty(); }
  void ReportWrites();
  // The oldest batch of committed entries is applied, and the core told.
  bool HasApplies() const { return !applies_.empty(); }
  const std::deque<std::vector<Entry>>& applies() const { return applies_; }
  void CompleteApply();
  bool HasFetches() const { return !fetches_.empty(); }
  void CompleteFetch(bool gone);
  // The state machine becomes durable as it is now: a crash falls back to here.
  void FlushState() { disk_.state = state_; }
  // Forgets the log up to `index`. Precondition: not above the flushed state.
  void Compact(LogIndex index);
  // A snapshot arrives. False if it is no news.
  bool Install(const SnapshotMeta& meta, const TestState& snapshot_state);

  // Everything that can be completed, until nothing is left.
  void CompleteAll();

  // What left the member since the test looked last.
  std::vector<Message> TakeMessages();
  std::vector<SnapshotRequest> TakeSnapshotRequests();
  std::vector<ReadReady> TakeReads();
  // All commands applied in this life.
  const std::vector<std::string>& commands() const { return commands_; }
  // Entries applied since the test looked last.
  std::vector<Entry> TakeApplied();
  const std::deque<PersistRequest>& writes() const { return writes_; }
  // The disk after a crash in which the first `survivors` of the outstanding writes made it; what
  // was to be sent after them did not.
  TestDisk DiskAfterCrash(size_t survivors) const;

 private:
  Member self_;
  TestDisk disk_;
  TestState state_;
  RaftCore core_;
  std::deque<PersistRequest> writes_;
  std::deque<Ticket> unreported_;
  std::deque<std::vector<Entry>> applies_;
  std::deque<FetchRequest> fetches_;
  std::vector<Message> messages_;
  std::vector<SnapshotRequest> snapshot_requests_;
  std::vector<ReadReady> reads_;
  std::vector<std::string> commands_;
  std::vector<Entry> applied_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_TEST_MEMBER_H_

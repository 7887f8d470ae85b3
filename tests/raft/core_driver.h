// One core alone, with a test playing its peers, its disk and its state machine. What it sends
// comes back as lines of text (message_text.h), so that a test can compare whole exchanges.
#ifndef FLOTILLA_TESTS_RAFT_CORE_DRIVER_H_
#define FLOTILLA_TESTS_RAFT_CORE_DRIVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"
#include "tests/raft/message_text.h"

namespace flotilla::raft {

using Lines = std::vector<std::string>;

// Member n is replica n on node n.
Member MemberNumber(uint64_t id);
// Entries from `first` on with these terms; commands "e<index>", all with payloads.
std::vector<Entry> EntriesOf(const std::vector<uint64_t>& terms, uint64_t first = 1);

// How a core comes up. Everything that is written is durable.
struct Start {
  uint64_t self = 1;
  int voters = 3;
  int learners = 0;
  uint64_t term = 0;
  uint64_t vote = 0;
  uint64_t commit = 0;
  uint64_t applied = 0;
  std::vector<uint64_t> log = {};  // the terms of its entries
  RaftOptions options = {};
};

class CoreDriver {
 public:
  explicit CoreDriver(const Start& start = {});
  CoreDriver(const RaftOptions& options, const InitialState& initial);

  RaftCore& operator*() { return core_; }
  RaftCore* operator->() { return &core_; }

  void Receive(uint64_t from, uint64_t term, Body body);
  // The messages that may go at once. Writes and applies stay under way.
  Lines Send();
  // Lets the writes that are under way complete, in order, and returns what may go then.
  Lines CompleteWrites();
  // Completes all writes and applies, and returns all messages.
  Lines Settle();
  void Tick(int times = 1);

  // The member wins an election, as the first of its term; its no-op is acknowledged by all.
  void BecomeLeader();
  // As above, but nobody has acknowledged the no-op yet.
  void WinElection();

  // What was given out since the start.
  const std::vector<PersistRequest>& writes() const { return all_writes_; }
  const std::vector<Entry>& committed() const { return committed_; }
  const std::vector<ReadReady>& reads() const { return reads_; }
  const std::vector<SnapshotRequest>& snapshots() const { return snapshots_; }
  const std::vector<FetchRequest>& fetches() const { return fetches_; }
  const std::vector<RoleChange>& role_changes() const { return role_changes_; }
  // The terms of the log, from its first entry on.
  std::vector<uint64_t> LogTerms() const;

 private:
  void Take(Lines& lines);

  RaftCore core_;
  MessageText text_;
  std::vector<PersistRequest> under_way_;
  std::vector<PersistRequest> all_writes_;
  std::vector<Entry> committed_;
  std::vector<ReadReady> reads_;
  std::vector<SnapshotRequest> snapshots_;
  std::vector<FetchRequest> fetches_;
  std::vector<RoleChange> role_changes_;
};

// A command of that many bytes in all budgets, at least 32.
SharedBytes CommandOfSize(size_t byte_size);

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_CORE_DRIVER_H_

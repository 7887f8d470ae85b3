#include "tests/raft/core_driver.h"

#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "tests/raft/test_network.h"

namespace flotilla::raft {

namespace {

InitialState InitialOf(const Start& start) {
  InitialState initial;
  initial.self = MemberNumber(start.self);
  initial.group = ShardId(1);
  initial.hard_state = {Term(start.term), ReplicaId(start.vote), LogIndex(start.commit)};
  initial.snapshot.configuration = MakeConfiguration(start.voters, start.learners);
  initial.entries = EntriesOf(start.log);
  initial.applied = LogIndex(start.applied);
  return initial;
}

template <typename T>
void MoveAll(std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

}  // namespace

Member MemberNumber(uint64_t id) { return {NodeId(id), ReplicaId(id)}; }

std::vector<Entry> EntriesOf(const std::vector<uint64_t>& terms, uint64_t first) {
  std::vector<Entry> entries;
  for (uint64_t term : terms) {
    const uint64_t index = first + entries.size();
    entries.push_back(
        {LogIndex(index), Term(term), EntryKind::kCommand, MakeBytes("e" + std::to_string(index))});
  }
  return entries;
}

SharedBytes CommandOfSize(size_t byte_size) {
  FLOTILLA_CHECK_GE(byte_size, size_t{32});
  return MakeBytes(std::string(byte_size - 32, 'x'));
}

CoreDriver::CoreDriver(const Start& start) : CoreDriver(start.options, InitialOf(start)) {}

CoreDriver::CoreDriver(const RaftOptions& options, const InitialState& initial)
    : core_(options, initial, 7) {}

void CoreDriver::Receive(uint64_t from, uint64_t term, Body body) {
  const Member self = core_.Status().self;
  core_.Receive({ShardId(1), MemberNumber(from), self, Term(term), std::move(body)});
}

void CoreDriver::Take(Lines& lines) {
  while (core_.HasOutputs()) {
    Outputs outputs = core_.TakeOutputs();
    for (const Message& message : outputs.messages) lines.push_back(text_.Of(message));
    if (outputs.persist.has_value()) {
      under_way_.push_back(*outputs.persist);
      all_writes_.push_back(*outputs.persist);
    }
    if (outputs.role_change.has_value()) role_changes_.push_back(*outputs.role_change);
    MoveAll(outputs.committed, committed_);
    MoveAll(outputs.reads, reads_);
    MoveAll(outputs.snapshots, snapshots_);
    MoveAll(outputs.fetches, fetches_);
  }
}

Lines CoreDriver::Send() {
  Lines lines;
  Take(lines);
  return lines;
}

Lines CoreDriver::CompleteWrites() {
  Lines lines;
  for (const PersistRequest& write : std::exchange(under_way_, {})) {
    for (const Message& message : write.messages_after) lines.push_back(text_.Of(message));
    core_.AppendDone(write.ticket);
  }
  Take(lines);
  return lines;
}

Lines CoreDriver::Settle() {
  Lines lines = Send();
  while (true) {
    if (!committed_.empty()) core_.ApplyDone(committed_.back().index);
    if (under_way_.empty() && !core_.HasOutputs()) return lines;
    Lines more = CompleteWrites();
    lines.insert(lines.end(), more.begin(), more.end());
  }
}

void CoreDriver::Tick(int times) {
  for (int i = 0; i < times; ++i) core_.Tick();
}

void CoreDriver::WinElection() {
  core_.Campaign();
  Settle();
  const Configuration configuration = core_.configuration();
  for (const bool pre : {true, false}) {
    for (const Member& voter : configuration.voters) {
      if (core_.role() == Role::kLeader || voter == core_.Status().self) continue;
      const Term term = pre ? core_.term().next() : core_.term();
      if (pre != (core_.role() == Role::kPreCandidate)) continue;
      core_.Receive({ShardId(1), voter, core_.Status().self, term, VoteResponse{pre, true}});
      Settle();
    }
  }
  FLOTILLA_CHECK(core_.role() == Role::kLeader);
}

void CoreDriver::BecomeLeader() {
  WinElection();
  const Configuration configuration = core_.configuration();
  for (const Member& member : configuration.AllMembers()) {
    if (member == core_.Status().self) continue;
    core_.Receive({ShardId(1), member, core_.Status().self, core_.term(),
                   AppendResponse{core_.last_index(), 0, std::nullopt}});
  }
  Settle();
  core_.AnnounceCommit();
  Settle();
  FLOTILLA_CHECK_EQ(core_.commit(), core_.last_index());
}

std::vector<uint64_t> CoreDriver::LogTerms() const {
  std::vector<uint64_t> terms;
  for (LogIndex at = core_.Status().first_index; at <= core_.last_index(); ++at) {
    terms.push_back(core_.TermAt(at)->value());
  }
  return terms;
}

}  // namespace flotilla::raft

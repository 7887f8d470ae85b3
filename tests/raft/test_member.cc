#include "tests/raft/test_member.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

namespace {

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  return hash * 0xff51afd7ed558ccd;
}

InitialState InitialFrom(ShardId group, const Member& self, const TestDisk& disk) {
  InitialState initial;
  initial.self = self;
  initial.group = group;
  initial.hard_state = disk.hard_state;
  initial.snapshot = disk.snapshot;
  initial.entries = disk.entries;
  initial.applied = disk.state.applied;
  // A host does not read what it has applied already.
  for (Entry& entry : initial.entries) {
    if (entry.index <= initial.applied && entry.kind == EntryKind::kCommand) {
      entry.payload = nullptr;
    }
  }
  return initial;
}

}  // namespace

void TestState::Apply(const Entry& entry) {
  FLOTILLA_CHECK_EQ(entry.index, applied.next());
  if (entry.kind == EntryKind::kCommand) FLOTILLA_CHECK(entry.payload != nullptr);
  applied = entry.index;
  hash = Mix(Mix(hash, entry.index.value()), entry.term.value());
  hash = Mix(hash, static_cast<uint64_t>(entry.kind));
  for (char c : View(entry.payload)) hash = Mix(hash, static_cast<uint8_t>(c));
}

std::optional<Term> TestDisk::TermAt(LogIndex index) const {
  if (index == snapshot.index) return snapshot.term;
  if (index < snapshot.index || index > last_index()) return std::nullopt;
  return entries[index - snapshot.index - 1].term;
}

void TestDisk::Write(const PersistRequest& request) {
  if (request.hard_state.has_value()) {
    FLOTILLA_CHECK_GE(request.hard_state->term, hard_state.term);
    hard_state = *request.hard_state;
  }
  if (request.entries.empty()) return;
  const LogIndex first = request.entries.front().index;
  FLOTILLA_CHECK_GT(first, snapshot.index);
  FLOTILLA_CHECK_LE(first, last_index().next());
  FLOTILLA_CHECK_GT(first, state.applied);
  entries.resize(first - snapshot.index - 1);
  entries.insert(entries.end(), request.entries.begin(), request.entries.end());
}

void TestDisk::InstallSnapshot(const SnapshotMeta& meta, const TestState& snapshot_state) {
  FLOTILLA_CHECK_GT(meta.index, snapshot.index);
  FLOTILLA_CHECK_EQ(snapshot_state.applied, meta.index);
  if (TermAt(meta.index) == meta.term) {
    entries.erase(entries.begin(),
                  entries.begin() + static_cast<std::ptrdiff_t>(meta.index - snapshot.index));
  } else {
    entries.clear();
  }
  snapshot = meta;
  state = snapshot_state;
}

void TestDisk::CompactTo(const SnapshotMeta& meta) {
  FLOTILLA_CHECK_LE(meta.index, state.applied);
  const std::optional<Term> term = TermAt(meta.index);
  FLOTILLA_CHECK(term.has_value());
  FLOTILLA_CHECK_EQ(*term, meta.term);
  entries.erase(entries.begin(),
                entries.begin() + static_cast<std::ptrdiff_t>(meta.index - snapshot.index));
  snapshot = meta;
}

TestMember::TestMember(ShardId group, const Member& self, const RaftOptions& options, TestDisk disk,
                       uint64_t seed)
    : self_(self),
      disk_(std::move(disk)),
      state_(disk_.state),
      core_(options, InitialFrom(group, self, disk_), seed) {}

void TestMember::TakeOutputs() {
  while (core_.HasOutputs()) {
    Outputs outputs = core_.TakeOutputs();
    if (observer) observer(outputs);
    if (outputs.persist.has_value()) writes_.push_back(*std::move(outputs.persist));
    if (!outputs.committed.empty()) applies_.push_back(std::move(outputs.committed));
    const auto move_all = [](auto& from, auto& to) {
      to.insert(to.end(), std::make_move_iterator(from.begin()),
                std::make_move_iterator(from.end()));
    };
    move_all(outputs.messages, messages_);
    move_all(outputs.fetches, fetches_);
    move_all(outputs.snapshots, snapshot_requests_);
    move_all(outputs.reads, reads_);
  }
}

void TestMember::CompleteWrite() {
  FLOTILLA_CHECK(HasWrites());
  PersistRequest request = std::move(writes_.front());
  writes_.pop_front();
  disk_.Write(request);
  for (Message& message : request.messages_after) messages_.push_back(std::move(message));
  unreported_.push_back(request.ticket);
}

void TestMember::ReportWrites() {
  if (!HasUnreported()) return;
  // The newest done ticket vouches for all before it.
  const Ticket newest = unreported_.back();
  unreported_.clear();
  core_.AppendDone(newest);
}

void TestMember::CompleteApply() {
  FLOTILLA_CHECK(HasApplies());
  const std::vector<Entry> batch = std::move(applies_.front());
  applies_.pop_front();
  for (const Entry& entry : batch) {
    FLOTILLA_CHECK_LE(entry.index, disk_.last_index());
    FLOTILLA_CHECK_EQ(disk_.TermAt(entry.index).value_or(entry.term), entry.term);
    state_.Apply(entry);
    applied_.push_back(entry);
    if (entry.kind == EntryKind::kCommand) commands_.emplace_back(View(entry.payload));
  }
  core_.ApplyDone(state_.applied);
}

void TestMember::CompleteFetch(bool gone) {
  FLOTILLA_CHECK(HasFetches());
  const FetchRequest request = fetches_.front();
  fetches_.pop_front();
  std::vector<Entry> entries;
  size_t bytes = 0;
  for (const Entry& entry : disk_.entries) {
    if (gone || entry.index < request.first || entry.index > request.last) continue;
    bytes += entry.ByteSize();
    if (!entries.empty() && bytes > request.max_bytes) break;
    entries.push_back(entry);
  }
  if (!entries.empty() && entries.front().index != request.first) entries.clear();
  core_.EntriesFetched(std::move(entries));
}

void TestMember::Compact(LogIndex index) {
  FLOTILLA_CHECK_LE(index, disk_.state.applied);
  if (index <= disk_.snapshot.index) return;
  disk_.CompactTo(core_.MetaAt(index));
  core_.Compacted(index);
}

bool TestMember::Install(const SnapshotMeta& meta, const TestState& snapshot_state) {
  // The snapshot's mark goes into the same log as the writes, after those that were asked for.
  TakeOutputs();
  while (HasWrites()) CompleteWrite();
  if (!core_.WouldInstall(meta)) return false;
  disk_.InstallSnapshot(meta, snapshot_state);
  state_ = snapshot_state;
  applies_.clear();
  FLOTILLA_CHECK(core_.SnapshotInstalled({meta}).ok());
  return true;
}

TestDisk TestMember::DiskAfterCrash(size_t survivors) const {
  TestDisk disk = disk_;
  for (size_t i = 0; i < std::min(survivors, writes_.size()); ++i) disk.Write(writes_[i]);
  return disk;
}

void TestMember::CompleteAll() {
  TakeOutputs();
  while (HasWrites() || HasUnreported() || HasApplies() || HasFetches()) {
    while (HasWrites()) CompleteWrite();
    ReportWrites();
    while (HasApplies()) CompleteApply();
    while (HasFetches()) CompleteFetch(false);
    TakeOutputs();
  }
}

std::vector<Message> TestMember::TakeMessages() { return std::exchange(messages_, {}); }
std::vector<SnapshotRequest> TestMember::TakeSnapshotRequests() {
  return std::exchange(snapshot_requests_, {});
}
std::vector<ReadReady> TestMember::TakeReads() { return std::exchange(reads_, {}); }
std::vector<Entry> TestMember::TakeApplied() { return std::exchange(applied_, {}); }

}  // namespace flotilla::raft

#include "raft/persistence.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raft/raft_log.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/message_text.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

LogIndex At(uint64_t index) { return LogIndex(index); }

// A log and its persistence, kept in step as MemberState does.
class Disk {
 public:
  explicit Disk(const std::vector<uint64_t>& terms)
      : log({}, EntriesOf(terms), At(0), At(0), SIZE_MAX), disk(state, log.last_index()) {}

  void Append(const std::vector<uint64_t>& terms) { ReplaceFrom(log.last_index().next(), terms); }
  void ReplaceFrom(LogIndex index, const std::vector<uint64_t>& terms) {
    if (index <= log.last_index()) log.TruncateFrom(index);
    disk.OnAppended(index);
    for (Entry& entry : EntriesOf(terms, index.value())) log.Append(std::move(entry));
  }
  PersistRequest Take() { return disk.TakeRequest(state, log).value(); }
  bool WantsWrite() const { return disk.HasRequest(state, log); }

  HardState state = {Term(1), ReplicaId(1), At(0)};
  RaftLog log;
  Persistence disk;
};

Message Ack(uint64_t index, uint64_t term = 1, uint64_t to = 2) {
  return {ShardId(1), MemberNumber(1), MemberNumber(to), Term(term),
          AppendResponse{At(index), 0, std::nullopt}};
}

TEST(RaftPersistence, StartsWithEverythingDurable) {
  const Disk d({1, 1});
  EXPECT_EQ(d.disk.durable(), At(2));
  EXPECT_FALSE(d.WantsWrite());
  EXPECT_TRUE(d.disk.IsDurable(Term(1), ReplicaId(1), At(2)));
}

TEST(RaftPersistence, NextUnstableEntriesAreWrittenOnce) {
  Disk d({1});
  d.Append({1, 1});
  const PersistRequest request = d.Take();
  ASSERT_EQ(request.entries.size(), 2u);
  EXPECT_EQ(request.entries[0].index, At(2));
  EXPECT_TRUE(request.must_sync);
  EXPECT_FALSE(d.WantsWrite());
  EXPECT_EQ(d.disk.durable(), At(1));
  d.disk.OnDone(request.ticket);
  EXPECT_EQ(d.disk.durable(), At(3));
}

TEST(RaftPersistence, AcceptInProgressWritesOnlyWhatIsNew) {
  Disk d({1});
  d.Append({1});
  const PersistRequest first = d.Take();
  d.Append({1});
  const PersistRequest second = d.Take();
  ASSERT_EQ(second.entries.size(), 1u);
  EXPECT_EQ(second.entries[0].index, At(3));
  EXPECT_GT(second.ticket, first.ticket);
  d.disk.OnDone(first.ticket);
  EXPECT_EQ(d.disk.durable(), At(2));
}

TEST(RaftPersistence, ALaterTicketCompletesEarlierOnes) {
  Disk d({1});
  d.Append({1});
  const PersistRequest first = d.Take();
  d.Append({1});
  const PersistRequest second = d.Take();
  d.disk.OnDone(second.ticket);
  EXPECT_EQ(d.disk.durable(), At(3));
  d.disk.OnDone(first.ticket);  // old news
  EXPECT_EQ(d.disk.durable(), At(3));
}

TEST(RaftPersistence, StableToIgnoresWhatHasBeenReplacedSince) {
  Disk d({1});
  d.Append({1, 1});
  const PersistRequest old_write = d.Take();
  d.state.term = Term(2);
  d.ReplaceFrom(At(2), {2, 2, 2});
  const PersistRequest new_write = d.Take();
  d.disk.OnDone(old_write.ticket);
  EXPECT_EQ(d.disk.durable(), At(1));
  d.disk.OnDone(new_write.ticket);
  EXPECT_EQ(d.disk.durable(), At(4));
}

TEST(RaftPersistence, StableToKeepsWhatTheReplacementLeftAlone) {
  Disk d({1});
  d.Append({1, 1});
  const PersistRequest old_write = d.Take();
  d.ReplaceFrom(At(3), {2});
  d.disk.OnDone(old_write.ticket);
  EXPECT_EQ(d.disk.durable(), At(2));
}

TEST(RaftPersistence, TheSameEntriesComingBackAreStillAnotherWrite) {
  // A-B-A: term 1, replaced by term 2, replaced again. Only the last write counts.
  Disk d({});
  d.Append({1});
  const PersistRequest a = d.Take();
  d.ReplaceFrom(At(1), {2});
  const PersistRequest b = d.Take();
  d.ReplaceFrom(At(1), {3});
  const PersistRequest c = d.Take();
  d.disk.OnDone(a.ticket);
  d.disk.OnDone(b.ticket);
  EXPECT_EQ(d.disk.durable(), At(0));
  d.disk.OnDone(c.ticket);
  EXPECT_EQ(d.disk.durable(), At(1));
}

TEST(RaftPersistence, DurableFallsBackWithATruncation) {
  Disk d({1, 1, 1});
  d.ReplaceFrom(At(2), {2});
  EXPECT_EQ(d.disk.durable(), At(1));
  const PersistRequest request = d.Take();
  EXPECT_EQ(request.entries.front().index, At(2));
}

TEST(RaftPersistence, AReplacedTailThatWasNeverIssuedIsNotWritten) {
  Disk d({1});
  d.Append({1, 1, 1});
  d.ReplaceFrom(At(2), {2});
  const PersistRequest request = d.Take();
  ASSERT_EQ(request.entries.size(), 1u);
  EXPECT_EQ(request.entries[0].term, Term(2));
}

TEST(RaftPersistence, TermAndVoteAreWrittenAtOnce) {
  Disk d({1});
  d.state.term = Term(2);
  d.state.vote = ReplicaId(3);
  const PersistRequest request = d.Take();
  EXPECT_EQ(request.hard_state, d.state);
  EXPECT_TRUE(request.must_sync);
  EXPECT_FALSE(d.disk.IsDurable(Term(2), ReplicaId(3), At(0)));
  d.disk.OnDone(request.ticket);
  EXPECT_TRUE(d.disk.IsDurable(Term(2), ReplicaId(3), At(0)));
}

TEST(RaftPersistence, TheCommitIndexAloneIsNotWritten) {
  Disk d({1, 1});
  d.state.commit = At(2);
  EXPECT_FALSE(d.WantsWrite());
  d.Append({1});
  EXPECT_EQ(d.Take().hard_state, d.state);  // but goes along
  d.Append({1});
  EXPECT_EQ(d.Take().hard_state, std::nullopt);  // once
}

TEST(RaftPersistence, MessagesWaitForAllThatPrecedesThem) {
  Disk d({1});
  d.Append({1});
  d.disk.SendAfter(Ack(2));
  const PersistRequest request = d.Take();
  EXPECT_EQ(request.messages_after.size(), 1u);
  EXPECT_FALSE(d.WantsWrite());  // and are sent once
}

TEST(RaftPersistence, AMessageWithNothingToWriteIsABarrier) {
  Disk d({1});
  d.Append({1});
  const PersistRequest write = d.Take();
  d.disk.SendAfter(Ack(2));
  const PersistRequest barrier = d.Take();
  EXPECT_TRUE(barrier.entries.empty());
  EXPECT_FALSE(barrier.hard_state.has_value());
  EXPECT_FALSE(barrier.must_sync);
  EXPECT_EQ(barrier.messages_after.size(), 1u);
  d.disk.OnDone(barrier.ticket);
  EXPECT_EQ(d.disk.durable(), At(2));
}

TEST(RaftPersistence, AcknowledgementsOfOneLeaderBecomeOne) {
  Disk d({1});
  d.Append({1, 1, 1});
  d.disk.SendAfter(Ack(2));
  d.disk.SendAfter(Ack(4));
  d.disk.SendAfter(Ack(3));
  const PersistRequest request = d.Take();
  ASSERT_EQ(request.messages_after.size(), 1u);
  EXPECT_EQ(std::get<AppendResponse>(request.messages_after[0].body).index, At(4));
}

TEST(RaftPersistence, AcknowledgementsOfDifferentLeadersDoNot) {
  Disk d({1});
  d.Append({1});
  d.disk.SendAfter(Ack(2, 1, 2));
  d.disk.SendAfter(Ack(2, 2, 3));
  EXPECT_EQ(d.Take().messages_after.size(), 2u);
}

TEST(RaftPersistence, StableToWithASnapshotThatReplacesTheLog) {
  Disk d({1, 1});
  d.Append({1, 1});
  const PersistRequest write = d.Take();
  d.log.InstallBase({At(3), Term(2)});
  d.disk.OnSnapshotInstalled(At(3), d.log.last_index());
  EXPECT_EQ(d.disk.durable(), At(3));
  d.disk.OnDone(write.ticket);
  EXPECT_EQ(d.disk.durable(), At(3));  // entry 4 is gone
  EXPECT_EQ(d.disk.unissued(), At(4));
}

TEST(RaftPersistence, StableToWithASnapshotThatKeepsASuffix) {
  Disk d({1, 1});
  d.Append({1, 1});
  const PersistRequest write = d.Take();
  d.Append({1});
  d.log.InstallBase({At(3), Term(1)});
  d.disk.OnSnapshotInstalled(At(3), d.log.last_index());
  EXPECT_EQ(d.disk.durable(), At(3));
  EXPECT_EQ(d.Take().entries.front().index, At(5));
  d.disk.OnDone(write.ticket);
  EXPECT_EQ(d.disk.durable(), At(4));
}

TEST(RaftPersistence, ASnapshotAheadOfWhatWasIssuedSkipsIt) {
  Disk d({1});
  d.Append({1, 1, 1});
  d.log.InstallBase({At(3), Term(1)});
  d.disk.OnSnapshotInstalled(At(3), d.log.last_index());
  const PersistRequest request = d.Take();
  ASSERT_EQ(request.entries.size(), 1u);
  EXPECT_EQ(request.entries[0].index, At(4));
}

TEST(RaftPersistenceDeathTest, ATicketThatWasNeverIssuedIsNotDone) {
  Disk d({1});
  EXPECT_DEATH(d.disk.OnDone(1), "CHECK failed");
}

TEST(Persistence, ADiskHangsWhileTheSameRequestIsTheOldest) {
  Disk d({});
  d.disk.Tick();
  d.Append({1});
  const Ticket first = d.Take().ticket;
  for (int i = 0; i < 4; ++i) d.disk.Tick();
  EXPECT_EQ(d.disk.hanging_ticks(), 3);
  d.Append({1});
  const Ticket second = d.Take().ticket;
  d.disk.Tick();
  EXPECT_EQ(d.disk.hanging_ticks(), 4);
  d.disk.OnDone(first);
  EXPECT_EQ(d.disk.hanging_ticks(), 0);
  d.disk.Tick();
  d.disk.Tick();
  EXPECT_EQ(d.disk.hanging_ticks(), 1);
  d.disk.OnDone(second);
  d.disk.Tick();
  d.disk.Tick();
  EXPECT_EQ(d.disk.hanging_ticks(), 0);
}

}  // namespace
}  // namespace flotilla::raft

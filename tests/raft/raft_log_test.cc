#include "raft/raft_log.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "tests/raft/core_driver.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

constexpr size_t kNoLimit = SIZE_MAX;

LogIndex At(uint64_t index) { return LogIndex(index); }

RaftLog LogWith(const std::vector<uint64_t>& terms, uint64_t commit = 0, uint64_t applied = 0,
                size_t cache_bytes = kNoLimit) {
  return RaftLog({}, EntriesOf(terms), At(commit), At(applied), cache_bytes);
}

// After a snapshot at (index, term).
RaftLog LogAfter(uint64_t index, uint64_t term, const std::vector<uint64_t>& terms) {
  return RaftLog({At(index), Term(term)}, EntriesOf(terms, index + 1), At(index), At(index),
                 kNoLimit);
}

std::vector<uint64_t> Indexes(const std::vector<Entry>& entries) {
  std::vector<uint64_t> indexes;
  for (const Entry& entry : entries) indexes.push_back(entry.index.value());
  return indexes;
}

using Indexed = std::vector<uint64_t>;

TEST(RaftLog, AnEmptyLogEndsAtItsBase) {
  const RaftLog log = LogAfter(7, 3, {});
  EXPECT_EQ(log.first_index(), At(8));
  EXPECT_EQ(log.last_index(), At(7));
  EXPECT_EQ(log.last_term(), Term(3));
}

TEST(RaftLog, TermIsKnownFromTheBaseToTheLast) {
  const RaftLog log = LogAfter(5, 2, {2, 3});
  EXPECT_EQ(log.TermAt(At(4)), std::nullopt);
  EXPECT_EQ(log.TermAt(At(5)), Term(2));
  EXPECT_EQ(log.TermAt(At(6)), Term(2));
  EXPECT_EQ(log.TermAt(At(7)), Term(3));
  EXPECT_EQ(log.TermAt(At(8)), std::nullopt);
}

TEST(RaftLog, IsUpToDateComparesTermThenLength) {
  const RaftLog log = LogWith({1, 2, 3});
  EXPECT_TRUE(log.IsCoveredBy({At(1), Term(4)}));   // a later term wins, however short
  EXPECT_FALSE(log.IsCoveredBy({At(9), Term(2)}));  // an earlier one loses, however long
  EXPECT_TRUE(log.IsCoveredBy({At(3), Term(3)}));
  EXPECT_TRUE(log.IsCoveredBy({At(4), Term(3)}));
  EXPECT_FALSE(log.IsCoveredBy({At(2), Term(3)}));
}

TEST(RaftLog, ContainsAPositionWithTheSameTermOnly) {
  const RaftLog log = LogWith({1, 2});
  EXPECT_TRUE(log.Contains({At(0), Term(0)}));
  EXPECT_TRUE(log.Contains({At(2), Term(2)}));
  EXPECT_FALSE(log.Contains({At(2), Term(1)}));
  EXPECT_FALSE(log.Contains({At(3), Term(2)}));
}

TEST(RaftLog, FindConflictByTerm) {
  const RaftLog log = LogWith({2, 2, 5, 5, 5});
  const auto find = [&](uint64_t index, uint64_t term) {
    return log.LastWithTermAtMost(At(index), Term(term)).index;
  };
  EXPECT_EQ(find(5, 9), At(5));
  EXPECT_EQ(find(5, 5), At(5));
  EXPECT_EQ(find(5, 4), At(2));
  EXPECT_EQ(find(3, 5), At(3));
  EXPECT_EQ(find(3, 2), At(2));
  EXPECT_EQ(find(2, 1), At(0));
  EXPECT_EQ(find(0, 5), At(0));
  EXPECT_EQ(find(99, 5), At(5));
}

TEST(RaftLog, FindConflictByTermStopsAtTheBase) {
  const RaftLog log = LogAfter(10, 5, {5, 7});
  EXPECT_EQ(log.LastWithTermAtMost(At(12), Term(6)).index, At(11));
  EXPECT_EQ(log.LastWithTermAtMost(At(12), Term(4)).index, At(10));
  EXPECT_EQ(log.LastWithTermAtMost(At(3), Term(9)).index, At(10));
}

TEST(RaftLog, TruncateAndAppend) {
  RaftLog log = LogWith({1, 1, 1});
  log.TruncateFrom(At(2));
  EXPECT_EQ(log.last_index(), At(1));
  for (Entry& entry : EntriesOf({2, 3}, 2)) log.Append(std::move(entry));
  EXPECT_EQ(log.last_index(), At(3));
  EXPECT_EQ(log.TermAt(At(2)), Term(2));
}

TEST(RaftLog, CommitToNeverGoesBack) {
  RaftLog log = LogWith({1, 1, 1});
  log.CommitTo(At(2));
  log.CommitTo(At(1));
  EXPECT_EQ(log.commit(), At(2));
}

TEST(RaftLog, NextCommittedEntriesAreGivenOutOnce) {
  RaftLog log = LogWith({1, 1, 1});
  log.CommitTo(At(2));
  EXPECT_TRUE(log.HasCommitted(At(3)));
  EXPECT_EQ(Indexes(log.TakeCommitted(At(3), kNoLimit)), (Indexed{1, 2}));
  EXPECT_FALSE(log.HasCommitted(At(3)));
  EXPECT_TRUE(log.TakeCommitted(At(3), kNoLimit).empty());
  EXPECT_EQ(log.applying(), At(2));
  EXPECT_EQ(log.applied(), At(0));
}

TEST(RaftLog, NextCommittedEntriesStayWithinTheLimit) {
  RaftLog log = LogWith({1, 1, 1});
  log.CommitTo(At(3));
  EXPECT_EQ(Indexes(log.TakeCommitted(At(2), kNoLimit)), (Indexed{1, 2}));
  EXPECT_FALSE(log.HasCommitted(At(2)));
  EXPECT_EQ(Indexes(log.TakeCommitted(At(3), kNoLimit)), (Indexed{3}));
}

TEST(RaftLog, NextCommittedEntriesArePagedByBytes) {
  RaftLog log = LogWith({1, 1, 1});
  log.CommitTo(At(3));
  const size_t two = 2 * log.At(At(1)).ByteSize();
  EXPECT_EQ(Indexes(log.TakeCommitted(At(3), two)), (Indexed{1, 2}));
  EXPECT_EQ(Indexes(log.TakeCommitted(At(3), 1)), (Indexed{3}));  // one at least
}

TEST(RaftLog, SliceStaysWithinBytesButGivesOne) {
  const RaftLog log = LogWith({1, 1, 1, 1});
  const size_t one = log.At(At(1)).ByteSize();
  EXPECT_EQ(Indexes(log.Slice(At(2), At(4), kNoLimit)), (Indexed{2, 3, 4}));
  EXPECT_EQ(Indexes(log.Slice(At(2), At(3), kNoLimit)), (Indexed{2, 3}));
  EXPECT_EQ(Indexes(log.Slice(At(2), At(4), 0)), (Indexed{2}));
  EXPECT_EQ(Indexes(log.Slice(At(2), At(4), 2 * one - 1)), (Indexed{2}));
  EXPECT_EQ(Indexes(log.Slice(At(2), At(4), 2 * one)), (Indexed{2, 3}));
}

TEST(RaftLog, BytesBetweenAddsUp) {
  RaftLog log = LogWith({1, 1, 1});
  const uint64_t one = log.At(At(1)).ByteSize();
  EXPECT_EQ(log.BytesBetween(At(0), At(3)), 3 * one);
  EXPECT_EQ(log.BytesBetween(At(3), At(3)), 0u);
  log.TruncateFrom(At(3));
  EXPECT_EQ(log.BytesBetween(At(0), At(2)), 2 * one);
}

TEST(RaftLog, CompactionKeepsPositionsAndBytes) {
  RaftLog log = LogWith({1, 2, 3, 4}, 3, 3);
  const uint64_t one = log.At(At(1)).ByteSize();
  log.CompactTo(At(2));
  EXPECT_EQ(log.first_index(), At(3));
  EXPECT_EQ(log.TermAt(At(2)), Term(2));
  EXPECT_EQ(log.TermAt(At(1)), std::nullopt);
  EXPECT_EQ(log.TermAt(At(4)), Term(4));
  EXPECT_EQ(log.BytesBetween(At(2), At(4)), 2 * one);
  log.CompactTo(At(1));  // done before
  EXPECT_EQ(log.first_index(), At(3));
}

TEST(RaftLog, InstallBaseKeepsAMatchingSuffix) {
  RaftLog log = LogWith({1, 2, 2, 2});
  log.InstallBase({At(2), Term(2)});
  EXPECT_EQ(log.base().index, At(2));
  EXPECT_EQ(log.last_index(), At(4));
  EXPECT_EQ(log.applied(), At(2));
  EXPECT_EQ(log.commit(), At(2));
}

TEST(RaftLog, InstallBaseDropsAConflictingSuffix) {
  RaftLog log = LogWith({1, 1, 1, 1});
  log.InstallBase({At(2), Term(2)});
  EXPECT_EQ(log.last_index(), At(2));
  EXPECT_EQ(log.last_term(), Term(2));
}

TEST(RaftLog, InstallBaseBeyondTheLogEmptiesIt) {
  RaftLog log = LogWith({1, 1});
  log.InstallBase({At(9), Term(1)});
  EXPECT_EQ(log.first_index(), At(10));
  EXPECT_EQ(log.last_index(), At(9));
  for (Entry& entry : EntriesOf({2}, 10)) log.Append(std::move(entry));
  EXPECT_EQ(log.last_index(), At(10));
}

TEST(RaftLog, AppliedPayloadsBeyondTheCacheAreForgotten) {
  const size_t one = EntriesOf({1})[0].ByteSize();
  RaftLog log = LogWith({1, 1, 1, 1}, 4, 0, 2 * one);
  log.TakeCommitted(At(4), kNoLimit);
  EXPECT_TRUE(log.HasPayloadsFrom(At(1)));  // not applied: never forgotten
  log.AppliedTo(At(3));
  EXPECT_FALSE(log.HasPayloadsFrom(At(1)));
  EXPECT_TRUE(log.HasPayloadsFrom(At(2)));
  EXPECT_EQ(log.At(At(1)).payload, nullptr);
  EXPECT_EQ(log.BytesBetween(At(0), At(1)), one);
  EXPECT_EQ(log.TermAt(At(1)), Term(1));
}

TEST(RaftLog, ALogAtRestForgetsAllThatIsAppliedAndNothingElse) {
  RaftLog log = LogWith({1, 1, 1, 1}, 4, 0);
  log.TakeCommitted(At(4), kNoLimit);
  log.AppliedTo(At(2));
  EXPECT_TRUE(log.HasPayloadsFrom(At(1)));
  log.ForgetApplied();
  EXPECT_FALSE(log.HasPayloadsFrom(At(2)));
  EXPECT_TRUE(log.HasPayloadsFrom(At(3)));
}

TEST(RaftLog, ConfigurationsAreNeverForgotten) {
  std::vector<Entry> entries = EntriesOf({1, 1});
  entries[0].kind = EntryKind::kConfiguration;
  RaftLog log({}, entries, At(2), At(0), 0);
  log.TakeCommitted(At(2), kNoLimit);
  log.AppliedTo(At(2));
  EXPECT_NE(log.At(At(1)).payload, nullptr);
  EXPECT_EQ(log.At(At(2)).payload, nullptr);
}

TEST(RaftLog, StartsWithPayloadsMissingUpToApplied) {
  std::vector<Entry> entries = EntriesOf({1, 1, 1, 1});
  entries[1].payload = nullptr;
  const RaftLog log({}, entries, At(3), At(2), kNoLimit);
  EXPECT_FALSE(log.HasPayloadsFrom(At(1)));
  EXPECT_FALSE(log.HasPayloadsFrom(At(2)));
  EXPECT_TRUE(log.HasPayloadsFrom(At(3)));
}

TEST(RaftLogDeathTest, RefusesAGap) {
  RaftLog log = LogWith({1});
  EXPECT_DEATH(log.Append(EntriesOf({1}, 3)[0]), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesAFallingTerm) {
  RaftLog log = LogWith({2});
  EXPECT_DEATH(log.Append(EntriesOf({1}, 2)[0]), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesToTruncateWhatIsCommitted) {
  RaftLog log = LogWith({1, 1}, 2);
  EXPECT_DEATH(log.TruncateFrom(At(2)), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesToCommitBeyondItsEnd) {
  RaftLog log = LogWith({1, 1});
  EXPECT_DEATH(log.CommitTo(At(3)), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesToCompactWhatIsNotApplied) {
  RaftLog log = LogWith({1, 1}, 2, 1);
  EXPECT_DEATH(log.CompactTo(At(2)), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesToStartWithoutWhatWasCommitted) {
  EXPECT_DEATH(LogWith({1, 1}, 3), "CHECK failed");
}

TEST(RaftLogDeathTest, RefusesToStartWithoutPayloadsThatAreNotApplied) {
  std::vector<Entry> entries = EntriesOf({1, 1});
  entries[1].payload = nullptr;
  EXPECT_DEATH(RaftLog({}, entries, At(2), At(1), kNoLimit), "CHECK failed");
}

}  // namespace
}  // namespace flotilla::raft

#include "raft/well_formed.h"

#include <string>
#include <vector>

#include "base/bytes.h"
#include "raft/message_codec.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

bool IsFine(uint64_t term, Body body) {
  return IsWellFormed({ShardId(1), MemberNumber(2), MemberNumber(1), Term(term), std::move(body)});
}

bool AppendIsFine(std::vector<Entry> entries, uint64_t prev_term = 1, uint64_t term = 3) {
  return IsFine(term,
                AppendRequest{LogIndex(4), Term(prev_term), LogIndex(0), 0, std::move(entries)});
}

TEST(RaftWellFormed, WhatACorrectMemberSends) {
  EXPECT_TRUE(AppendIsFine({}));
  EXPECT_TRUE(AppendIsFine(EntriesOf({1, 2, 3}, 5)));
  EXPECT_TRUE(IsFine(1, Heartbeat{}));
}

TEST(RaftWellFormed, NoTerm) { EXPECT_FALSE(IsFine(0, Heartbeat{})); }

TEST(RaftWellFormed, AGapInTheEntries) {
  EXPECT_FALSE(AppendIsFine(EntriesOf({1}, 6)));
  std::vector<Entry> entries = EntriesOf({1, 1, 1}, 5);
  entries.erase(entries.begin() + 1);
  EXPECT_FALSE(AppendIsFine(entries));
}

TEST(RaftWellFormed, TermsThatFallOrRunAhead) {
  EXPECT_FALSE(AppendIsFine(EntriesOf({2, 1}, 5)));
  EXPECT_FALSE(AppendIsFine(EntriesOf({1}, 5), 2));
  EXPECT_FALSE(AppendIsFine(EntriesOf({4}, 5)));
}

TEST(RaftWellFormed, EntriesThatCannotBeApplied) {
  std::vector<Entry> entries = EntriesOf({1}, 5);
  entries[0].payload = nullptr;
  EXPECT_FALSE(AppendIsFine(entries));
  entries[0].kind = static_cast<EntryKind>(9);
  EXPECT_FALSE(AppendIsFine(entries));
}

TEST(RaftWellFormed, ConfigurationsThatMakeNoSense) {
  std::vector<Entry> entries = EntriesOf({1}, 5);
  entries[0].kind = EntryKind::kConfiguration;
  EXPECT_FALSE(AppendIsFine(entries));  // "e5" is none
  entries[0].payload = MakeBytes(EncodeConfiguration(Configuration()));
  EXPECT_FALSE(AppendIsFine(entries));  // nobody votes
  entries[0].payload = MakeBytes(EncodeConfiguration(MakeConfiguration(3)));
  EXPECT_TRUE(AppendIsFine(entries));
}

TEST(RaftWellFormed, WhatIsMalformedChangesNothing) {
  CoreDriver core({.term = 1, .log = {1}});
  core.Receive(2, 5, AppendRequest{LogIndex(1), Term(1), LogIndex(1), 0, EntriesOf({1}, 3)});
  EXPECT_EQ(core.Settle(), Lines{});
  EXPECT_EQ(core->term(), Term(1));
}

}  // namespace
}  // namespace flotilla::raft

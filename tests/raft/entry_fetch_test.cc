#include "raft/entry_fetch.h"

#include <vector>

#include "raft/raft_log.h"
#include "tests/raft/core_driver.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

LogIndex At(uint64_t index) { return LogIndex(index); }

RaftLog Log() { return RaftLog({}, EntriesOf({1, 1, 2, 2}), At(4), At(4), 0); }

// The entries from `first` to `last`, as the disk has them.
std::vector<Entry> OnDisk(uint64_t first, uint64_t last) {
  std::vector<Entry> entries;
  for (const Entry& entry : EntriesOf({1, 1, 2, 2})) {
    if (entry.index >= At(first) && entry.index <= At(last)) entries.push_back(entry);
  }
  return entries;
}

TEST(RaftEntryFetch, GivesOutWhatWasFetchedUntilDropped) {
  EntryFetch fetch;
  fetch.Begin({At(2), At(4), 1000});
  EXPECT_TRUE(fetch.under_way());
  EXPECT_TRUE(fetch.Complete(OnDisk(2, 4), Log()));
  EXPECT_FALSE(fetch.under_way());
  EXPECT_EQ(fetch.Slice(At(2), 1000).size(), 3u);
  EXPECT_EQ(fetch.Slice(At(4), 1000).size(), 1u);
  EXPECT_EQ(fetch.Slice(At(2), 1).size(), 1u);
  EXPECT_TRUE(fetch.Slice(At(1), 1000).empty());
  EXPECT_TRUE(fetch.Slice(At(5), 1000).empty());
  fetch.Drop();
  EXPECT_TRUE(fetch.Slice(At(2), 1000).empty());
}

TEST(RaftEntryFetch, AnEmptyAnswerMeansGone) {
  EntryFetch fetch;
  fetch.Begin({At(2), At(3), 1000});
  EXPECT_FALSE(fetch.IsGone(At(2)));
  EXPECT_FALSE(fetch.Complete({}, Log()));
  EXPECT_TRUE(fetch.IsGone(At(2)));
  EXPECT_TRUE(fetch.IsGone(At(3)));
  EXPECT_FALSE(fetch.IsGone(At(4)));
}

TEST(RaftEntryFetch, EntriesOfAnotherLogAreOfNoUse) {
  EntryFetch fetch;
  fetch.Begin({At(2), At(4), 1000});
  EXPECT_FALSE(fetch.Complete(EntriesOf({1, 1, 1}, 2), Log()));
  EXPECT_TRUE(fetch.Slice(At(2), 1000).empty());
}

TEST(RaftEntryFetch, EntriesFromElsewhereAreOfNoUse) {
  EntryFetch fetch;
  fetch.Begin({At(2), At(4), 1000});
  EXPECT_FALSE(fetch.Complete(OnDisk(3, 4), Log()));
}

}  // namespace
}  // namespace flotilla::raft

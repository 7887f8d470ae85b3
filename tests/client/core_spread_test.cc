// Calls over several shards, also while those are split.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/client/core_fixture.h"
#include <gmock/gmock.h>

namespace flotilla::client {
namespace {

using sharding::Slot;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Slot At(uint64_t slot) { return Slot{static_cast<uint16_t>(slot)}; }

class CoreSpreadTest : public CoreTest {
 protected:
  // Four shards, and keys of all of them.
  CoreSpreadTest() {
    cluster_.Split(ShardId(1), At(8192), ShardId(2));
    cluster_.Split(ShardId(1), At(4096), ShardId(3));
    cluster_.Split(ShardId(2), At(12288), ShardId(4));
  }

  void Fill(int count) {
    std::vector<std::shared_ptr<Ended>> all;
    for (int i = 0; i < count; ++i) {
      keys_.push_back("k" + std::to_string(1000 + i));
      all.push_back(Begin(Put{keys_.back(), "v"}));
    }
    time_.RunFor(std::chrono::seconds(2));
    for (const auto& ended : all) ASSERT_TRUE(ended->ok());
  }

  ScanPage Page(Scan scan) {
    auto ended = Run(std::move(scan));
    EXPECT_TRUE(ended->ok()) << ended->status();
    return ended->ok() ? std::get<ScanPage>(**ended->result) : ScanPage();
  }

  std::vector<std::string> ScanAll(Scan scan) {
    std::vector<std::string> keys;
    do {
      const ScanPage page = Page(scan);
      for (const Entry& entry : page.entries) keys.push_back(entry.key);
      scan.page_token = page.next_page_token;
    } while (!scan.page_token.empty());
    return keys;
  }

  std::set<ShardId> AskedSince(size_t before) const {
    std::set<ShardId> asked;
    for (size_t i = before; i < cluster_.received().size(); ++i) {
      asked.insert(cluster_.received()[i].shard);
    }
    return asked;
  }

  std::vector<std::string> keys_;
};

TEST_F(CoreSpreadTest, AScanMergesThePagesOfAllShards) {
  Fill(100);
  EXPECT_EQ(ScanAll(Scan{.range = {}, .page_size = 7}), keys_);
  std::reverse(keys_.begin(), keys_.end());
  EXPECT_EQ(ScanAll(Scan{.range = {}, .reverse = true, .page_size = 7}), keys_);
}

TEST_F(CoreSpreadTest, AllShardsAreAskedAtTheSameTime) {
  Fill(100);
  const size_t before = cluster_.received().size();
  const MonoTime start = time_.Now();
  Page(Scan{});
  EXPECT_EQ(cluster_.received().size() - before, 4);
  EXPECT_EQ(AskedSince(before).size(), 4);
  EXPECT_LE(time_.Now() - start, 3 * kHop);
}

TEST_F(CoreSpreadTest, APageIsAsLargeAsItWasAskedFor) {
  Fill(100);
  EXPECT_THAT(Page(Scan{.range = {}, .page_size = 10}).entries, SizeIs(10));
  EXPECT_THAT(Page(Scan{.range = {}, .limit = 3}).entries, SizeIs(3));
  const size_t before = cluster_.received().size();
  Page(Scan{});
  for (size_t i = before; i < cluster_.received().size(); ++i) {
    const auto& part = std::get<Scan>(cluster_.received()[i].operation);
    EXPECT_EQ(part.page_size, 375) << "half again as much as its share";
    EXPECT_EQ(part.page_bytes, (1 << 20) / 4 * 3 / 2);
  }
}

TEST_F(CoreSpreadTest, AnotherClientGoesOnAtAToken) {
  Fill(50);
  const ScanPage first = Page(Scan{.range = {}, .page_size = 20});
  core().Close();
  core_.reset();
  cluster_.Split(ShardId(3), At(5000), ShardId(5));
  std::vector<std::string> keys;
  for (const Entry& entry : first.entries) keys.push_back(entry.key);
  const std::vector<std::string> rest =
      ScanAll(Scan{.range = {}, .page_size = 20, .page_token = first.next_page_token});
  keys.insert(keys.end(), rest.begin(), rest.end());
  EXPECT_EQ(keys, keys_);
}

TEST_F(CoreSpreadTest, ATokenOfAnotherRangeIsRefused) {
  Fill(10);
  const ScanPage first = Page(Scan{.range = {}, .page_size = 2});
  auto other = Run(Scan{.range = {"k1", ""}, .page_token = first.next_page_token});
  EXPECT_EQ(other->status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(other->status().message(), HasSubstr("another range"));
}

TEST_F(CoreSpreadTest, SplitsInTheMiddleOfAPageLoseAndRepeatNothing) {
  Fill(100);
  uint64_t next_child = 100;
  Random random(7);
  cluster_.before_execute = [&](const Received& received) {
    if (!std::holds_alternative<Scan>(received.operation) || !random.Chance(1, 4)) return;
    const ShardRoute route = random.Pick(cluster_.shards);
    const sharding::Arc arc = route.descriptor.arc;
    if (arc.first == arc.last) return;
    const Slot at = At(random.Between(arc.first.value + 1U, arc.last.value));
    cluster_.Split(route.descriptor.shard, at, ShardId(next_child++));
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(ScanAll(Scan{.range = {}, .page_size = 13}), keys_);
  }
  EXPECT_GT(cluster_.shards.size(), 20);
}

TEST_F(CoreSpreadTest, OfAHashTagOnlyOneShardIsAsked) {
  Fill(10);
  ASSERT_TRUE(Run(Put{"{tag}a", "v"})->ok());
  const size_t before = cluster_.received().size();
  EXPECT_THAT(ScanAll(Scan{.range = KeyRange::Prefix("{tag}")}), ElementsAre("{tag}a"));
  EXPECT_EQ(AskedSince(before).size(), 1);
}

TEST_F(CoreSpreadTest, CountsOfAllShardsAreAddedUp) {
  Fill(100);
  EXPECT_EQ(Page(Scan{.range = {}, .count_only = true}).count, 100);
  cluster_.max_page_rows = 7;
  uint64_t count = 0;
  Scan scan{.range = {}, .count_only = true};
  do {
    const ScanPage page = Page(scan);
    count += page.count;
    scan.page_token = page.next_page_token;
  } while (!scan.page_token.empty());
  EXPECT_EQ(count, 100);
}

TEST_F(CoreSpreadTest, AScanOutlivesTheLossOfTheLeader) {
  Fill(30);
  cluster_.Kill("a");
  cluster_.leader = "b";
  EXPECT_EQ(ScanAll(Scan{}), keys_);
}

TEST_F(CoreSpreadTest, KeysOfAllShardsAreReadAndAnsweredInTheirOrder) {
  Fill(100);
  std::vector<std::string> asked = keys_;
  std::reverse(asked.begin(), asked.end());
  asked.insert(asked.begin() + 50, "absent");
  const size_t before = cluster_.received().size();
  auto ended = Run(BatchGet{asked});
  ASSERT_TRUE(ended->ok());
  const auto& entries = std::get<BatchGetResult>(**ended->result).entries;
  ASSERT_EQ(entries.size(), asked.size());
  for (size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(entries[i].has_value(), i != 50);
    EXPECT_EQ(entries[i].value_or(Entry{"absent", "", 0, 0}).key, asked[i]);
  }
  EXPECT_EQ(cluster_.received().size() - before, 4) << "one question for each shard";
}

TEST_F(CoreSpreadTest, KeysThatASplitTookApartAreReadAllTheSame) {
  Fill(100);
  cluster_.Split(ShardId(1), At(2048), ShardId(5));
  cluster_.Split(ShardId(4), At(14000), ShardId(6));
  auto ended = Run(BatchGet{keys_});
  ASSERT_TRUE(ended->ok()) << ended->status();
  for (const auto& entry : std::get<BatchGetResult>(**ended->result).entries) {
    EXPECT_TRUE(entry.has_value());
  }
}

TEST_F(CoreSpreadTest, TooManyKeysAreRefusedByName) {
  std::vector<std::string> keys;
  for (int i = 0; i < 1001; ++i) keys.push_back(std::to_string(i));
  auto ended = Run(BatchGet{keys});
  EXPECT_EQ(ended->status().reason(), reason::kInvalidRequest);
  EXPECT_THAT(ended->status().message(), HasSubstr("1001 keys, the limit is 1000"));
}

TEST_F(CoreSpreadTest, ARangeIsDeletedInAllShards) {
  Fill(100);
  cluster_.Split(ShardId(2), At(9000), ShardId(5));
  cluster_.max_page_rows = 5;
  uint64_t deleted = 0;
  DeleteRange range{.range = {"k1010", "k1090"}};
  do {
    auto ended = Run(range);
    ASSERT_TRUE(ended->ok()) << ended->status();
    const auto& page = std::get<DeleteRangeResult>(**ended->result);
    deleted += page.deleted;
    range.page_token = page.next_page_token;
  } while (!range.page_token.empty());
  EXPECT_EQ(deleted, 80);
  EXPECT_THAT(ScanAll(Scan{}), SizeIs(20));
}

TEST_F(CoreSpreadTest, ADeleteRangeWhoseAnswerIsLostIsCountedOnce) {
  Fill(20);
  cluster_.LoseNextReply();
  auto ended = Run(DeleteRange{});
  ASSERT_TRUE(ended->ok());
  EXPECT_EQ(std::get<DeleteRangeResult>(**ended->result).deleted, 20);
}

TEST_F(CoreSpreadTest, ADeleteRangeThatFailsInOneShardMayHaveHappenedInOthers) {
  Fill(20);
  cluster_.RefuseNext({StatusCode::kPermissionDenied, Reason::kPermissionDenied,
                       Outcome::kNotApplied, "no", Duration(0), std::nullopt});
  auto ended = Run(DeleteRange{});
  EXPECT_EQ(ended->status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(ended->status().outcome(), Outcome::kUnknown);
}

TEST_F(CoreSpreadTest, ClosingEndsACallOnce) {
  WarmUp();
  cluster_.leader = "";
  auto scan = Begin(Scan{});
  auto range = Begin(DeleteRange{});
  time_.RunFor(milliseconds(50));
  core().Close();
  EXPECT_EQ(scan->status().reason(), reason::kClientClosed);
  EXPECT_EQ(range->status().reason(), reason::kClientClosed);
  EXPECT_EQ(core().pending_calls(), 0);
  EXPECT_EQ(Run(Scan{})->status().reason(), reason::kClientClosed);
}

TEST_F(CoreSpreadTest, ACallEndsAtItsDeadline) {
  WarmUp();
  for (const char* node : {"a", "b", "c"}) cluster_.Isolate(node);
  const MonoTime start = time_.Now();
  auto scan = Run(Scan{}, milliseconds(700));
  EXPECT_FALSE(scan->ok());
  EXPECT_LE(scan->at - start, milliseconds(720));
}

}  // namespace
}  // namespace flotilla::client

#include "tests/client/kv_client_contract.h"

#include <utility>

#include <gmock/gmock.h>

namespace flotilla::client {

using ::testing::ElementsAre;

std::vector<std::string> KvClientContract::KeysOf(ScanRange scan) {
  std::vector<std::string> keys;
  for (const auto& entry : scan) {
    EXPECT_TRUE(entry.ok()) << entry.status();
    if (entry.ok()) keys.push_back(entry->key);
  }
  return keys;
}

void KvClientContract::PutAll(std::initializer_list<const char*> keys) {
  for (const char* key : keys) ASSERT_TRUE(kv().Put(key, std::string("value of ") + key).ok());
}

TEST_P(KvClientContract, GetReturnsWhatWasPut) {
  auto put = kv().Put("key", std::string("bytes \0 and more", 16));
  ASSERT_TRUE(put.ok()) << put.status();
  auto get = kv().Get("key");
  ASSERT_TRUE(get.ok()) << get.status();
  EXPECT_EQ(get->key, "key");
  EXPECT_EQ(get->value, std::string("bytes \0 and more", 16));
  EXPECT_EQ(get->version, put->version);
  EXPECT_EQ(get->created_version, put->version);
}

TEST_P(KvClientContract, VersionsGrow) {
  const uint64_t first = kv().Put("key", "1")->version;
  const uint64_t second = kv().Put("key", "2")->version;
  EXPECT_GE(first, 1);
  EXPECT_GT(second, first);
  const uint64_t deleted = kv().Delete("key")->version;
  EXPECT_GT(deleted, second);
  EXPECT_GT(kv().Put("key", "3")->version, deleted);
}

TEST_P(KvClientContract, APutMakesTheRowAndOtherWritesGoOnWithIt) {
  const uint64_t made = kv().Put("n", "1")->version;
  ASSERT_TRUE(kv().Increment("n").ok());
  ASSERT_TRUE(kv().Append("n", "0").ok());
  ASSERT_TRUE(kv().CompareAndSwap(Condition::Exists("n"), "2")->swapped);
  EXPECT_EQ(kv().Get("n")->created_version, made);
  const uint64_t again = kv().Put("n", "3")->version;
  EXPECT_EQ(kv().Get("n")->created_version, again);
}

TEST_P(KvClientContract, AnAbsentKeyIsNotFound) {
  auto get = kv().Get("absent");
  EXPECT_TRUE(IsNotFound(get.status()));
  EXPECT_EQ(get.status().reason(), reason::kKeyNotFound);
}

TEST_P(KvClientContract, AnEmptyValueIsNotAnAbsentKey) {
  ASSERT_TRUE(kv().Put("key", "").ok());
  auto get = kv().Get("key");
  ASSERT_TRUE(get.ok());
  EXPECT_EQ(get->value, "");
}

TEST_P(KvClientContract, AnEmptyKeyIsRefused) {
  EXPECT_EQ(kv().Put("", "v").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(kv().Get("").status().reason(), reason::kInvalidRequest);
}

TEST_P(KvClientContract, DeleteSaysWhetherTheKeyWasThere) {
  PutAll({"key"});
  EXPECT_TRUE(kv().Delete("key")->found);
  EXPECT_FALSE(kv().Delete("key")->found);
  EXPECT_TRUE(IsNotFound(kv().Get("key").status()));
}

TEST_P(KvClientContract, BatchGetAnswersInTheOrderOfTheKeys) {
  PutAll({"a", "b"});
  auto got = kv().BatchGet({"b", "absent", "a", "b"});
  ASSERT_TRUE(got.ok());
  ASSERT_EQ(got->entries.size(), 4);
  EXPECT_EQ(got->entries[0]->value, "value of b");
  EXPECT_FALSE(got->entries[1].has_value());
  EXPECT_EQ(got->entries[2]->key, "a");
  EXPECT_EQ(got->entries[3]->key, "b");
}

TEST_P(KvClientContract, CompareAndSwapWritesOnlyIfTheConditionHolds) {
  EXPECT_TRUE(kv().CompareAndSwap(Condition::Absent("key"), "1")->swapped);
  auto again = kv().CompareAndSwap(Condition::Absent("key"), "2");
  EXPECT_FALSE(again->swapped);
  EXPECT_EQ(again->current, "1");
  const uint64_t version = again->version;
  EXPECT_TRUE(kv().CompareAndSwap(Condition::VersionIs("key", version), "3")->swapped);
  EXPECT_FALSE(kv().CompareAndSwap(Condition::VersionIs("key", version), "4")->swapped);
  EXPECT_TRUE(kv().CompareAndSwap(Condition::ValueIs("key", "3"), "5")->swapped);
  EXPECT_TRUE(kv().CompareAndSwap(Condition::Exists("key"), "6")->swapped);
  auto absent = kv().CompareAndSwap(Condition::Exists("absent"), "7");
  EXPECT_FALSE(absent->swapped);
  EXPECT_EQ(absent->version, 0);
  EXPECT_FALSE(absent->current.has_value());
}

TEST_P(KvClientContract, IncrementCountsFromZero) {
  EXPECT_EQ(kv().Increment("n")->value, 1);
  EXPECT_EQ(kv().Increment("n", 41)->value, 42);
  EXPECT_EQ(kv().Increment("n", -50)->value, -8);
  EXPECT_EQ(kv().Get("n")->value, "-8");
}

TEST_P(KvClientContract, IncrementOfSomethingElseChangesNothing) {
  PutAll({"word"});
  auto word = kv().Increment("word");
  EXPECT_EQ(word.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(word.status().reason(), reason::kNotANumber);
  EXPECT_EQ(word.status().outcome(), Outcome::kNotApplied);
  ASSERT_TRUE(kv().Put("most", "9223372036854775807").ok());
  EXPECT_EQ(kv().Increment("most").status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(kv().Get("most")->value, "9223372036854775807");
}

TEST_P(KvClientContract, AppendConcatenates) {
  ASSERT_TRUE(kv().Append("log", "one").ok());
  ASSERT_TRUE(kv().Append("log", ",two").ok());
  EXPECT_EQ(kv().Get("log")->value, "one,two");
}

TEST_P(KvClientContract, ScansAreInKeyOrder) {
  PutAll({"b", "a", "c/1", "c/2", "d"});
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::All())), ElementsAre("a", "b", "c/1", "c/2", "d"));
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::Prefix("c/"))), ElementsAre("c/1", "c/2"));
  EXPECT_THAT(KeysOf(kv().Scan({"b", "d"})), ElementsAre("b", "c/1", "c/2"));
}

TEST_P(KvClientContract, ScansGoBackwardsAndStopAtTheirLimit) {
  PutAll({"a", "b", "c", "d"});
  ScanOptions options;
  options.reverse = true;
  options.limit = 3;
  options.page_size = 2;
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::All(), options)), ElementsAre("d", "c", "b"));
}

TEST_P(KvClientContract, PagesMakeOneScan) {
  PutAll({"a", "b", "c", "d", "e"});
  ScanOptions options;
  options.page_size = 2;
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::All(), options)), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_P(KvClientContract, AScanCanBeResumed) {
  PutAll({"a", "b", "c", "d", "e"});
  ScanOptions options;
  options.page_size = 2;
  std::string token;
  {
    ScanRange scan = kv().Scan(KeyRange::All(), options);
    for (const auto& entry : scan) {
      if (entry->key == "c") break;
    }
    token = scan.page_token();
  }
  options.page_token = token;
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::All(), options)), ElementsAre("c", "d", "e"))
      << "at the page that was being read";
}

TEST_P(KvClientContract, KeysOnlyLeavesValuesOut) {
  PutAll({"a"});
  ScanOptions options;
  options.keys_only = true;
  auto page = kv().ScanPageAsync(KeyRange::All(), options).get();
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->entries.size(), 1);
  EXPECT_EQ(page->entries[0].value, "");
}

TEST_P(KvClientContract, CountCountsOverPages) {
  PutAll({"a", "b", "c", "d", "e"});
  ScanOptions options;
  options.page_size = 2;
  EXPECT_EQ(*kv().Count(KeyRange::All(), options), 5);
  options.limit = 3;
  EXPECT_EQ(*kv().Count(KeyRange::All(), options), 3);
  EXPECT_EQ(*kv().Count(KeyRange::Prefix("x")), 0);
}

TEST_P(KvClientContract, DeleteRangeDeletesPageByPage) {
  PutAll({"a", "b", "c", "d", "e"});
  DeleteRangeOptions options;
  options.page_size = 2;
  EXPECT_EQ(kv().DeleteRange({"b", "e"}, options)->deleted, 3);
  EXPECT_THAT(KeysOf(kv().Scan(KeyRange::All())), ElementsAre("a", "e"));
}

TEST_P(KvClientContract, ABatchIsAllOrNothing) {
  ASSERT_TRUE(kv().Put("{t}word", "word").ok());
  auto failed = kv().Batch({Mutation::Put("{t}new", "1"), Mutation::Increment("{t}word")});
  EXPECT_EQ(failed.status().reason(), reason::kNotANumber);
  EXPECT_TRUE(IsNotFound(kv().Get("{t}new").status()));
  auto done = kv().Batch({Mutation::Put("{t}new", "1"), Mutation::Increment("{t}n", 5),
                          Mutation::Append("{t}word", "s"), Mutation::Delete("{t}gone")});
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_EQ(done->results.size(), 4);
  EXPECT_EQ(done->results[1].number, 5);
  EXPECT_TRUE(done->results[3].not_found);
  EXPECT_EQ(kv().Get("{t}word")->value, "words");
}

TEST_P(KvClientContract, KeysOfDifferentSlotsCannotBeWrittenAtomically) {
  ASSERT_NE(HashSlot("a"), HashSlot("b"));
  auto batch = kv().Batch({Mutation::Put("a", "1"), Mutation::Put("b", "1")});
  EXPECT_EQ(batch.status().code(), StatusCode::kInvalidArgument);
}

TEST_P(KvClientContract, ATransactionTakesOneSide) {
  auto txn = [&] {
    return kv().Txn(Transaction()
                        .If(Condition::Absent("{acct}lock"))
                        .Then(Mutation::Put("{acct}lock", "me"))
                        .Then(Mutation::Increment("{acct}n"))
                        .Else(Mutation::Increment("{acct}missed")));
  };
  EXPECT_TRUE(txn()->conditions_held);
  auto second = txn();
  EXPECT_FALSE(second->conditions_held);
  ASSERT_EQ(second->results.size(), 1);
  EXPECT_EQ(second->results[0].number, 1);
  EXPECT_EQ(kv().Get("{acct}n")->value, "1");
}

}  // namespace flotilla::client

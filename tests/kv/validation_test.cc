// What is refused without looking at the state, and what the refusal says.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/command.h"

namespace flotilla::kv {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr SessionToken kSession{ShardId(1), LogIndex(2), 3};

std::string Refusal(const Command& command, const Limits& limits = {}) {
  const absl::Status status = Validate(command, limits);
  if (status.ok()) return "";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}
std::string Refusal(Operation operation, const Limits& limits = {}) {
  return Refusal(Command{.operation = std::move(operation)}, limits);
}

Condition Absent(std::string key) { return {.key = std::move(key)}; }

TEST(Validate, AcceptsEveryOperationAtItsLimits) {
  const Limits limits{
      .max_key_bytes = 2, .max_value_bytes = 3, .max_operations = 2, .max_delete_range = 4};
  const std::vector<Operation> operations = {
      Put{"kk", "vvv"},
      Put{"k", ""},
      Delete{"kk"},
      Increment{"kk"},
      Append{"kk", "vvv"},
      CompareAndSwap{{.kind = Condition::Kind::kValue, .key = "kk", .value = "vvv"}, "vvv"},
      DeleteRange{.from = "kkk", .to = "kkk", .limit = 4},
      Batch{{Put{"kk", ""}, Delete{"kk"}}},
      Txn{.conditions = {Absent("k")}, .then = {Put{"k", ""}}},
      Txn{.then = {Put{"k", ""}}, .otherwise = {Put{"k", ""}}},
      OpenSession{}};
  for (const Operation& operation : operations) {
    EXPECT_EQ(Refusal(operation, limits), "") << operation.index();
  }
}

TEST(Validate, RefusesAnEmptyKeyWhereverItIs) {
  for (const Operation& operation :
       std::vector<Operation>{Put{"", "v"}, Delete{""}, Increment{""}, Append{"", "v"},
                              CompareAndSwap{Absent(""), "v"}, Batch{{Put{"k", ""}, Delete{""}}},
                              Txn{.conditions = {Absent("")}}, Txn{.then = {Delete{""}}},
                              Txn{.otherwise = {Delete{""}}}}) {
    EXPECT_THAT(Refusal(operation), HasSubstr("a key is empty")) << operation.index();
  }
}

TEST(Validate, StatesLimitAndActualOfAKey) {
  const std::string key(4097, 'k');
  for (const Operation& operation :
       std::vector<Operation>{Put{key, ""}, Delete{key}, Increment{key}, Append{key, ""},
                              CompareAndSwap{Absent(key), ""}, Batch{{Delete{key}}},
                              Txn{.conditions = {Absent(key)}}}) {
    EXPECT_THAT(Refusal(operation), AllOf(HasSubstr("key"), HasSubstr("4097"), HasSubstr("4096")));
  }
}

TEST(Validate, StatesLimitAndActualOfAValue) {
  const Limits limits{.max_value_bytes = 5};
  const std::string value(6, 'v');
  const Condition condition{.kind = Condition::Kind::kValue, .key = "k", .value = value};
  for (const Operation& operation :
       std::vector<Operation>{Put{"k", value}, Append{"k", value},
                              CompareAndSwap{Absent("k"), value}, CompareAndSwap{condition, ""},
                              Batch{{Put{"k", value}}}, Txn{.otherwise = {Append{"k", value}}}}) {
    EXPECT_THAT(Refusal(operation, limits),
                AllOf(HasSubstr("value"), HasSubstr("6"), HasSubstr("limit is 5")));
  }
}

TEST(Validate, StatesLimitAndActualOfAWholeCommand) {
  const Limits limits{.max_command_bytes = 10};
  EXPECT_EQ(Refusal(Batch{{Put{"k", "1234"}, Put{"k", "1234"}}}, limits), "");
  EXPECT_THAT(Refusal(Batch{{Put{"k", "1234"}, Put{"k", "12345"}}}, limits),
              AllOf(HasSubstr("command"), HasSubstr("11"), HasSubstr("limit is 10")));
}

TEST(Validate, StatesLimitAndActualOfOperations) {
  const Batch batch{std::vector<SimpleOperation>(257, Delete{"k"})};
  EXPECT_THAT(Refusal(batch), AllOf(HasSubstr("257"), HasSubstr("256")));
  const Txn txn{.conditions = std::vector<Condition>(86, Absent("k")),
                .then = std::vector<SimpleOperation>(86, Delete{"k"}),
                .otherwise = std::vector<SimpleOperation>(86, Delete{"k"})};
  EXPECT_THAT(Refusal(txn), AllOf(HasSubstr("258"), HasSubstr("256")));
}

TEST(Validate, RefusesWhatDoesNothing) {
  EXPECT_NE(Refusal(Batch{}), "");
  EXPECT_NE(Refusal(Txn{}), "");
  EXPECT_NE(Refusal(DeleteRange{.limit = 0}), "");
}

TEST(Validate, RefusesKeysOfDifferentSlotsInOneAtomicCommand) {
  for (const Operation& operation :
       std::vector<Operation>{Batch{{Put{"foo", ""}, Put{"bar", ""}}},
                              Txn{.conditions = {Absent("foo"), Absent("bar")}},
                              Txn{.conditions = {Absent("foo")}, .then = {Delete{"bar"}}},
                              Txn{.conditions = {Absent("foo")}, .otherwise = {Delete{"bar"}}},
                              Txn{.then = {Delete{"foo"}}, .otherwise = {Delete{"bar"}}}}) {
    EXPECT_THAT(Refusal(operation),
                AllOf(HasSubstr("12182"), HasSubstr("5061"), HasSubstr("hash tag")));
  }
  EXPECT_EQ(Refusal(Batch{{Put{"{t}foo", ""}, Put{"{t}bar", ""}}}), "");
}

TEST(Validate, RefusesBadRanges) {
  EXPECT_NE(Refusal(DeleteRange{.from = "b", .to = "a", .limit = 1}), "");
  EXPECT_THAT(Refusal(DeleteRange{.limit = 1001}), AllOf(HasSubstr("1001"), HasSubstr("1000")));
  EXPECT_THAT(Refusal(DeleteRange{.from = std::string(4098, 'k'), .limit = 1}),
              AllOf(HasSubstr("4098"), HasSubstr("4097")));
}

TEST(Validate, RefusesAnUnknownKeyspace) {
  EXPECT_THAT(Refusal(Command{.keyspace = 3, .operation = Put{"k", ""}}), HasSubstr("keyspace 3"));
}

TEST(Validate, RefusesAMalformedIdentity) {
  EXPECT_NE(Refusal({.identity = {.session = kSession}, .operation = Put{"k", ""}}), "");
  EXPECT_NE(Refusal({.identity = {kSession, 4, 5}, .operation = Put{"k", ""}}), "");
  EXPECT_EQ(Refusal({.identity = {kSession, 5, 5}, .operation = Put{"k", ""}}), "");
}

TEST(Validate, RefusesSessionCommandsThatNameNoSession) {
  EXPECT_NE(Refusal(KeepAlive{}), "");
  EXPECT_NE(Refusal(CloseSession{}), "");
  EXPECT_EQ(Refusal({.identity = {.session = kSession}, .operation = KeepAlive{}}), "");
  EXPECT_EQ(Refusal({.identity = {.session = kSession}, .operation = CloseSession{}}), "");
}

TEST(Validate, RefusesToOpenASessionInsideAnother) {
  EXPECT_NE(Refusal({.identity = {kSession, 1, 0}, .operation = OpenSession{}}), "");
}

TEST(SlotOfCommand, IsThatOfItsKeys) {
  const sharding::Slot slot = sharding::SlotOf("k");
  for (const Operation& operation : std::vector<Operation>{
           Put{"k", ""}, Delete{"k"}, Increment{"k"}, Append{"k", ""},
           CompareAndSwap{Absent("k"), ""}, Batch{{Delete{"k"}}}, Txn{.conditions = {Absent("k")}},
           Txn{.then = {Delete{"k"}}}, Txn{.otherwise = {Delete{"k"}}}}) {
    EXPECT_EQ(SlotOf(Command{.operation = operation}), slot) << operation.index();
  }
}

TEST(SlotOfCommand, IsNoneWithoutAKey) {
  for (const Operation& operation : std::vector<Operation>{
           DeleteRange{.from = "k"}, OpenSession{}, CloseSession{}, KeepAlive{}, Batch{}, Txn{}}) {
    EXPECT_EQ(SlotOf(Command{.operation = operation}), std::nullopt);
  }
}

}  // namespace
}  // namespace flotilla::kv

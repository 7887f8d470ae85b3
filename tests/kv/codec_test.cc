// Every format there and back, cut short, garbled, unknown and newer; and the golden files.
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kv/command.h"
#include "kv/read.h"
#include "kv/result.h"
#include "kv/rows.h"
#include "tests/kv/random_commands.h"
#include "tests/support/golden_file.h"

namespace flotilla::kv {
namespace {

// --- One value of each format, with every field in use. ------------------------------------------

constexpr SessionToken kToken{ShardId(7), LogIndex(300), 5};

Command GoldenCommand() {
  return {.identity = {kToken, 9, 4},
          .operation = Txn{
              .conditions = {{.kind = Condition::Kind::kAbsent, .key = "{t}a"},
                             {.kind = Condition::Kind::kExists, .key = "{t}b"},
                             {.kind = Condition::Kind::kVersion, .key = "{t}c", .version = 1000},
                             {.kind = Condition::Kind::kValue, .key = "{t}d", .value = "w"}},
              .then = {Put{"{t}a", "v"}, Delete{"{t}b"}},
              .otherwise = {Increment{"{t}n", -3}, Append{"{t}l", "x"}}}};
}

CommandResult GoldenResult() {
  return {.code = ResultCode::kCompareFailed,
          .version = 1000,
          .value = "there",
          .nested = {{.version = 999}, {.code = ResultCode::kNotFound, .value = "n"}},
          .failed_operation = 2,
          .conditions_held = true,
          .deleted = 3,
          .next_key = "next",
          .session_token = "token",
          .replayed = true};
}

AppliedState GoldenState() {
  AppliedState state;
  state.index = LogIndex(1000);
  state.term = Term(12);
  state.log_time = WallTime(std::chrono::seconds(1'700'000'000));
  state.session_time = std::chrono::seconds(90);
  state.revision = 5000;
  state.configuration.voters = {{NodeId(1), ReplicaId(1)}, {NodeId(2), ReplicaId(2)}};
  state.configuration.learners = {{NodeId(3), ReplicaId(4)}};
  state.configuration.next_replica_id = ReplicaId(5);
  state.configuration_index = LogIndex(17);
  state.descriptor = {
      .shard = ShardId(7), .arc = {sharding::Slot{1}, sharding::Slot{8191}}, .version = 3};
  state.limits.max_key_bytes = 1000;
  state.session_limits.max_sessions = 77;
  return state;
}

AppliedState GoldenStateAfterSplits() {
  AppliedState state = GoldenState();
  state.origins = {{.parent = ShardId(3), .split = LogIndex(900)},
                   {.parent = ShardId(1), .split = LogIndex(40)}};
  state.last_split = {
      .index = LogIndex(1000),
      .child = {
          .shard = ShardId(8), .arc = {sharding::Slot{8192}, sharding::Slot{9000}}, .version = 3}};
  state.sweep_from = "row key";
  state.owned_bytes_max = 300'000;
  return state;
}

ReadRequest GoldenReadRequest() {
  return {.operation = ScanPage{.from = "a",
                                .to = "z",
                                .max_rows = 500,
                                .max_bytes = 70'000,
                                .reverse = true,
                                .keys_only = true,
                                .count_only = true,
                                .shard_version = 3}};
}

ReadRequest GoldenReadRequestOfSlots() {
  ReadRequest request = GoldenReadRequest();
  std::get<ScanPage>(request.operation).slots = {sharding::Slot{1}, sharding::Slot{8191}};
  return request;
}

ReadResult GoldenReadResult() {
  return {.wrong_shard = true,
          .rows = {Row{"k", "v", 1000, 999}, std::nullopt},
          .count = 2,
          .resume_key = "m",
          .applied = LogIndex(1000),
          .revision = 5000,
          .shard_version = 3};
}

ReadResult GoldenReadResultOfScan() {
  ReadResult result = GoldenReadResult();
  result.arc = {sharding::Slot{1}, sharding::Slot{8191}};
  return result;
}

std::string GoldenAnswers() {
  std::string answers;
  AppendAnswer(answers, 9, {.version = 1000});
  AppendAnswer(answers, 10, {.code = ResultCode::kNotFound});
  return answers;
}

// --- A format, as bytes in and bytes out. --------------------------------------------------------

struct Codec {
  std::string name;  // of its golden file: kv_<name>.hex
  std::string golden;
  // Decodes and encodes again.
  std::function<absl::StatusOr<std::string>(std::string_view)> recode;
  // A client's own bytes are its own fault.
  absl::StatusCode damaged = absl::StatusCode::kDataLoss;
  absl::StatusCode newer = absl::StatusCode::kUnimplemented;
  uint8_t newest_version = 1;
  // Formats whose last field is whatever is left cannot tell when that is cut.
  bool open_ended = false;
};

template <auto kDecode, auto kEncode>
absl::StatusOr<std::string> Recode(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const auto value, kDecode(bytes));
  return kEncode(value);
}

absl::StatusOr<std::string> RecodeEntryPayload(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const EntryPayload payload, DecodeEntryPayload(bytes));
  return EncodeEntryPayload(payload.log_time, payload.commands);
}
absl::StatusOr<std::string> RecodeAppliedRow(std::string_view bytes) {
  AppliedState state;
  FLOTILLA_RETURN_IF_ERROR(DecodeAppliedRow(bytes, &state));
  return EncodeAppliedRow(state);
}
absl::StatusOr<std::string> RecodeShardRow(std::string_view bytes) {
  AppliedState state;
  FLOTILLA_RETURN_IF_ERROR(DecodeShardRow(bytes, &state));
  return EncodeShardRow(state);
}
absl::StatusOr<std::string> RecodeSessionRow(std::string_view bytes) {
  FLOTILLA_ASSIGN_OR_RETURN(const SessionRow row, DecodeSessionRow(bytes));
  FLOTILLA_ASSIGN_OR_RETURN(const std::vector<Answer> answers, ListAnswers(row.answers));
  for (const Answer& answer : answers) {
    FLOTILLA_RETURN_IF_ERROR(DecodeAnswer(row.answers, answer).status());
  }
  return EncodeSessionRow(row);
}

std::vector<Codec> AllCodecs() {
  const std::string answers = GoldenAnswers();
  const std::string command = EncodeCommand(GoldenCommand());
  return {{.name = "session_token",
           .golden = EncodeSessionToken(kToken),
           .recode = Recode<DecodeSessionToken, EncodeSessionToken>,
           .damaged = absl::StatusCode::kInvalidArgument,
           .newer = absl::StatusCode::kInvalidArgument},
          {.name = "command", .golden = command, .recode = Recode<DecodeCommand, EncodeCommand>},
          {.name = "entry_payload",
           .golden = EncodeEntryPayload(GoldenState().log_time, {command, command}),
           .recode = RecodeEntryPayload},
          {.name = "result",
           .golden = EncodeResult(GoldenResult()),
           .recode = Recode<DecodeResult, EncodeResult>},
          {.name = "applied_row",
           .golden = EncodeAppliedRow(GoldenState()),
           .recode = RecodeAppliedRow,
           .newest_version = 2},
          {.name = "applied_row_after_splits",
           .golden = EncodeAppliedRow(GoldenStateAfterSplits()),
           .recode = RecodeAppliedRow,
           .newest_version = 2},
          {.name = "shard_row",
           .golden = EncodeShardRow(GoldenState()),
           .recode = RecodeShardRow,
           .newest_version = 2},
          {.name = "shard_row_after_splits",
           .golden = EncodeShardRow(GoldenStateAfterSplits()),
           .recode = RecodeShardRow,
           .newest_version = 2},
          {.name = "data_row",
           .golden = EncodeDataRow({.version = 1000, .created_version = 999, .value = "value"}),
           .recode = Recode<DecodeDataRow, EncodeDataRow>,
           .open_ended = true},
          {.name = "session_row",
           .golden = EncodeSessionRow({.position = 5,
                                       .time = std::chrono::seconds(90),
                                       .acknowledged_below = 4,
                                       .answers = answers}),
           .recode = RecodeSessionRow,
           .open_ended = true},
          {.name = "read_request",
           .golden = EncodeReadRequest(GoldenReadRequest()),
           .recode = Recode<DecodeReadRequest, EncodeReadRequest>},
          {.name = "read_request_of_slots",
           .golden = EncodeReadRequest(GoldenReadRequestOfSlots()),
           .recode = Recode<DecodeReadRequest, EncodeReadRequest>},
          {.name = "read_result_of_scan",
           .golden = EncodeReadResult(GoldenReadResultOfScan()),
           .recode = Recode<DecodeReadResult, EncodeReadResult>},
          {.name = "read_result",
           .golden = EncodeReadResult(GoldenReadResult()),
           .recode = Recode<DecodeReadResult, EncodeReadResult>}};
}

class KvCodec : public testing::TestWithParam<size_t> {
 protected:
  const Codec codec_ = AllCodecs()[GetParam()];
};

TEST_P(KvCodec, ReadsWhatAnEarlierBuildWrote) {
  const std::string golden = tests::ReadGoldenFile("kv_" + codec_.name + ".hex");
  const auto recoded = codec_.recode(golden);
  ASSERT_TRUE(recoded.ok()) << recoded.status();
  EXPECT_EQ(*recoded, golden);
}

TEST_P(KvCodec, WritesWhatTheGoldenFileHolds) {
  EXPECT_EQ(tests::ToHex(codec_.golden),
            tests::ToHex(tests::ReadGoldenFile("kv_" + codec_.name + ".hex")));
}

TEST_P(KvCodec, RefusesEveryTruncation) {
  for (size_t size = 0; size < codec_.golden.size(); ++size) {
    const auto recoded = codec_.recode(codec_.golden.substr(0, size));
    if (codec_.open_ended && recoded.ok()) continue;
    EXPECT_EQ(recoded.status().code(), codec_.damaged) << size << " bytes";
  }
}

TEST_P(KvCodec, RefusesBytesLeftOverUnlessTheyBelongToIt) {
  const std::string longer = codec_.golden + '\0';
  const auto recoded = codec_.recode(longer);
  if (codec_.open_ended && recoded.ok()) {
    EXPECT_EQ(*recoded, longer);
  } else {
    EXPECT_EQ(recoded.status().code(), codec_.damaged);
  }
}

TEST_P(KvCodec, RefusesAnotherKind) {
  std::string bytes = codec_.golden;
  bytes[0] ^= 0x20;
  EXPECT_EQ(codec_.recode(bytes).status().code(), codec_.damaged);
}

TEST_P(KvCodec, RefusesANewerVersionAndUnknownFlags) {
  std::string newer = codec_.golden;
  newer[1] = static_cast<char>(codec_.newest_version + 1);
  EXPECT_EQ(codec_.recode(newer).status().code(), codec_.newer);
  std::string flagged = codec_.golden;
  flagged[2] = 1;
  EXPECT_EQ(codec_.recode(flagged).status().code(), codec_.newer);
}

// Whatever the bytes are, they are refused or read; what was read is written and read alike.
TEST_P(KvCodec, SurvivesAnyBytes) {
  Random random(GetParam() + 1);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = codec_.golden;
    for (uint64_t i = random.Between(1, 4); i > 0; --i) {
      const size_t at = random.Below(bytes.size());
      switch (random.Below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.Next());
          break;
        case 1:
          bytes[at] = random.Chance(1, 2) ? '\xff' : '\0';
          break;
        case 2:
          bytes.erase(at, random.Below(8));
          break;
        default:
          bytes.insert(at, 1, static_cast<char>(random.Next()));
      }
      if (bytes.empty()) bytes.push_back('\0');
    }
    const auto once = codec_.recode(bytes);
    if (!once.ok()) continue;
    const auto twice = codec_.recode(*once);
    ASSERT_TRUE(twice.ok()) << twice.status();
    ASSERT_EQ(*twice, *once);
  }
}

TEST_P(KvCodec, SurvivesNoise) {
  Random random(GetParam() + 100);
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = codec_.golden.substr(0, 3);
    for (uint64_t i = random.Below(40); i > 0; --i) bytes += static_cast<char>(random.Next());
    codec_.recode(bytes).IgnoreError();
  }
}

INSTANTIATE_TEST_SUITE_P(AllFormats, KvCodec, testing::Range<size_t>(0, AllCodecs().size()),
                         [](const auto& parameter) {
                           std::string name = AllCodecs()[parameter.param].name;
                           std::erase(name, '_');
                           return name;
                         });

// --- There and back, by value. -------------------------------------------------------------------

TEST(CommandCodec, GivesBackRandomCommands) {
  RandomCommands commands(1);
  for (uint32_t i = 0; i < 10; ++i) {
    commands.Learn({.session_token = EncodeSessionToken({ShardId(3), LogIndex(i + 1), i})});
  }
  for (int i = 0; i < 5000; ++i) {
    const std::string bytes = EncodeCommand(commands.Next());
    const auto decoded = DecodeCommand(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(EncodeCommand(*decoded), bytes);
  }
}

TEST(CommandCodec, GivesBackEveryFieldOfATransaction) {
  const Command command = DecodeCommand(EncodeCommand(GoldenCommand())).value();
  EXPECT_EQ(command.identity.session, kToken);
  EXPECT_EQ(command.identity.sequence, 9);
  EXPECT_EQ(command.identity.acknowledged_below, 4);
  const Txn& txn = std::get<Txn>(command.operation);
  ASSERT_EQ(txn.conditions.size(), 4);
  EXPECT_EQ(txn.conditions[2].version, 1000);
  EXPECT_EQ(txn.conditions[3].value, "w");
  EXPECT_EQ(std::get<Put>(txn.then[0]).value, "v");
  EXPECT_EQ(std::get<Delete>(txn.then[1]).key, "{t}b");
  EXPECT_EQ(std::get<Increment>(txn.otherwise[0]).delta, -3);
  EXPECT_EQ(std::get<Append>(txn.otherwise[1]).value, "x");
}

TEST(CommandCodec, RefusesWhatANewerBuildMayMeanByTimeToLive) {
  std::string bytes = EncodeCommand({.operation = Put{"k", "v"}});
  bytes[4] = 1;
  EXPECT_EQ(DecodeCommand(bytes).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(DataRowCodec, RefusesWhatANewerBuildMayMeanByExpiry) {
  std::string bytes = EncodeDataRow({.version = 1, .created_version = 1, .value = "v"});
  bytes[5] = 1;
  EXPECT_EQ(DecodeDataRow(bytes).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(DataRowCodec, RefusesARowThatWasCreatedBeforeTheFirstVersion) {
  std::string bytes = EncodeDataRow({.version = 3, .created_version = 1, .value = "v"});
  bytes[4] = 3;
  EXPECT_EQ(DecodeDataRow(bytes).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ResultCodec, GivesBackEveryField) {
  EXPECT_EQ(DecodeResult(EncodeResult(GoldenResult())).value(), GoldenResult());
  EXPECT_EQ(DecodeResult(EncodeResult({})).value(), CommandResult{});
}

TEST(ResultCodec, RefusesResultsNestedTwice) {
  const CommandResult twice{.nested = {{.nested = {{.version = 1}}}}};
  EXPECT_EQ(DecodeResult(EncodeResult(twice)).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ReadCodec, GivesBackEveryField) {
  EXPECT_EQ(DecodeReadResult(EncodeReadResult(GoldenReadResult())).value(), GoldenReadResult());
  EXPECT_EQ(DecodeReadResult(EncodeReadResult(GoldenReadResultOfScan())).value(),
            GoldenReadResultOfScan());
  const ScanPage of_slots = std::get<ScanPage>(
      DecodeReadRequest(EncodeReadRequest(GoldenReadRequestOfSlots())).value().operation);
  EXPECT_EQ(of_slots.slots, (sharding::Arc{sharding::Slot{1}, sharding::Slot{8191}}));
  const ScanPage page = std::get<ScanPage>(
      DecodeReadRequest(EncodeReadRequest(GoldenReadRequest())).value().operation);
  EXPECT_EQ(page.from, "a");
  EXPECT_EQ(page.to, "z");
  EXPECT_EQ(page.max_rows, 500);
  EXPECT_EQ(page.max_bytes, 70'000);
  EXPECT_TRUE(page.reverse && page.keys_only && page.count_only);
  EXPECT_EQ(page.shard_version, 3);
  const auto get = DecodeReadRequest(EncodeReadRequest({.operation = BatchGet{{"a", "b"}}}));
  EXPECT_THAT(std::get<BatchGet>(get->operation).keys, testing::ElementsAre("a", "b"));
}

TEST(ReplicaRows, GiveBackTheWholeState) {
  for (const AppliedState& state : {GoldenState(), GoldenStateAfterSplits()}) {
    AppliedState decoded;
    ASSERT_TRUE(DecodeAppliedRow(EncodeAppliedRow(state), &decoded).ok());
    ASSERT_TRUE(DecodeShardRow(EncodeShardRow(state), &decoded).ok());
    EXPECT_EQ(decoded, state);
  }
}

TEST(SessionRowKeys, AreInTheOrderOfTokensAndEntries) {
  std::vector<std::string> keys;
  for (const uint64_t shard : {1, 256}) {
    for (const uint64_t index : {2, 300}) {
      for (const uint32_t position : {0, 255, 70'000}) {
        for (const uint64_t entry : {1, 1000}) {
          const SessionToken token{ShardId(shard), LogIndex(index), position};
          keys.push_back(SessionRowKey(token, LogIndex(entry)));
          const SessionRowId id = DecodeSessionRowKey(keys.back()).value();
          EXPECT_EQ(id.token, token);
          EXPECT_EQ(id.entry, LogIndex(entry));
        }
      }
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_GE(keys.front(), SessionRowsBegin());
  EXPECT_LT(keys.back(), SessionRowsEnd());
  EXPECT_EQ(DecodeSessionRowKey(keys.back() + "x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(DataRowKeys, AreInTheOrderOfKeysWithinTheirKeyspace) {
  EXPECT_LT(DataRowKey(0, "a"), DataRowKey(0, std::string("a\0", 2)));
  EXPECT_LT(DataRowKey(0, "a"), DataRowKey(0, "b"));
  EXPECT_LT(DataRowKey(0, std::string(5000, '\xff')), DataRowsEnd(0));
  EXPECT_LE(DataRowsEnd(0), DataRowKey(1, ""));
  EXPECT_LT(DataRowKey(UINT32_MAX, "\xff"), DataRowsEnd(UINT32_MAX));
  EXPECT_EQ(UserKey(DataRowKey(258, "key")), "key");
}

TEST(Answers, AreFoundByTheirPlace) {
  const std::string answers = GoldenAnswers();
  const std::vector<Answer> list = ListAnswers(answers).value();
  ASSERT_EQ(list.size(), 2);
  EXPECT_EQ(DecodeAnswer(answers, list[1])->code, ResultCode::kNotFound);
  for (const Answer& wrong : {Answer{9, list[1].offset}, Answer{9, 1}, Answer{9, answers.size()},
                              Answer{9, answers.size() + 5}}) {
    EXPECT_EQ(DecodeAnswer(answers, wrong).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(ResultCodes, HaveNames) {
  for (int code = 0; code <= static_cast<int>(ResultCode::kInvalid); ++code) {
    EXPECT_NE(ToString(static_cast<ResultCode>(code)), "unknown");
  }
}

}  // namespace
}  // namespace flotilla::kv

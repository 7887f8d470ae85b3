// The command-line tool on a store in memory: what it prints, and what scripts can rely on.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "client/cli/environment.h"
#include "flotilla/testing/fake_kv_client.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::client::cli {
namespace {

using testing::FakeKvClient;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// What a test wants of pages, and learns about them.
struct Paging {
  int scans = 0;
  bool only_first_deletes = false;
};

// Hands every call to a client that the test keeps.
class Forwarder final : public KvClient {
 public:
  Forwarder(KvClient& to, Paging& paging) : to_(to), paging_(paging) {}

 private:
  Future<StatusOr<GetResult>> DoGet(std::string key, ReadOptions o) override {
    return to_.GetAsync(std::move(key), o);
  }
  Future<StatusOr<BatchGetResult>> DoBatchGet(std::vector<std::string> keys,
                                              ReadOptions o) override {
    return to_.BatchGetAsync(std::move(keys), o);
  }
  Future<StatusOr<ScanPage>> DoScanPage(KeyRange range, ScanOptions o, bool count_only) override {
    ++paging_.scans;
    if (!count_only) return to_.ScanPageAsync(std::move(range), o);
    StatusOr<uint64_t> count = to_.Count(range, o);
    if (!count.ok()) return MakeReadyFuture(StatusOr<ScanPage>(count.status()));
    ScanPage page;
    page.count = *count;
    return MakeReadyFuture(StatusOr<ScanPage>(std::move(page)));
  }
  Future<StatusOr<PutResult>> DoPut(std::string key, std::string value, WriteOptions o) override {
    return to_.PutAsync(std::move(key), std::move(value), o);
  }
  Future<StatusOr<DeleteResult>> DoDelete(std::string key, WriteOptions o) override {
    return to_.DeleteAsync(std::move(key), o);
  }
  Future<StatusOr<CasResult>> DoCompareAndSwap(Condition condition, std::string value,
                                               WriteOptions o) override {
    return to_.CompareAndSwapAsync(std::move(condition), std::move(value), o);
  }
  Future<StatusOr<IncrementResult>> DoIncrement(std::string key, int64_t delta,
                                                WriteOptions o) override {
    return to_.IncrementAsync(std::move(key), delta, o);
  }
  Future<StatusOr<AppendResult>> DoAppend(std::string key, std::string value,
                                          WriteOptions o) override {
    return to_.AppendAsync(std::move(key), std::move(value), o);
  }
  Future<StatusOr<DeleteRangeResult>> DoDeleteRangePage(KeyRange range,
                                                        DeleteRangeOptions o) override {
    if (paging_.only_first_deletes && !o.page_token.empty()) {
      return MakeReadyFuture(StatusOr<DeleteRangeResult>(
          Status(StatusCode::kResourceExhausted, "no room", reason::kDiskFull)));
    }
    return to_.DeleteRangePageAsync(std::move(range), o);
  }
  Future<StatusOr<BatchResult>> DoBatch(std::vector<Mutation> mutations, WriteOptions o) override {
    return to_.BatchAsync(std::move(mutations), o);
  }
  Future<StatusOr<TxnResult>> DoTxn(Transaction transaction, WriteOptions o) override {
    return to_.TxnAsync(std::move(transaction), o);
  }

  KvClient& to_;
  Paging& paging_;
};

struct Ran {
  int code;
  std::string out;
  std::string err;
};

class CliTest : public ::testing::Test {
 protected:
  Ran Run(std::vector<std::string> args, const std::string& input = "") {
    std::istringstream in(input);
    return RunOn(in, std::move(args));
  }
  Ran RunOn(std::istream& in, std::vector<std::string> args) {
    std::ostringstream out;
    if (out_fails_) out.setstate(std::ios::badbit);
    std::ostringstream err;
    Environment environment{
        in,
        out,
        err,
        terminal_,
        terminal_,
        [this](const std::string& endpoints, const ClientOptions& options) {
          endpoints_ = endpoints;
          timeout_ = options.timeout;
          return StatusOr<std::unique_ptr<KvClient>>(std::make_unique<Forwarder>(store_, paging_));
        },
        [this](const std::string&, std::chrono::milliseconds) {
          return StatusOr<ClusterStatus>(cluster_);
        },
        {}};
    const int code = RunCommandLine(std::move(args), environment);
    return {code, out.str(), err.str()};
  }
  void FailNext(StatusCode code, std::string_view why, Outcome outcome) {
    Status::Fields fields;
    fields.code = code;
    fields.message = "because";
    fields.reason = why;
    fields.outcome = outcome;
    store_.FailNext(Status(fields));
  }

  bool terminal_ = false;
  bool out_fails_ = false;
  FakeKvClient store_;
  Paging paging_;
  ClusterStatus cluster_;
  std::string endpoints_;
  std::chrono::milliseconds timeout_{0};
};

TEST_F(CliTest, HelpGroupsTheCommands) {
  const Ran ran = Run({"--help"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out, R"(The client of Flotilla, a distributed key-value store.
Usage: flotilla [OPTIONS] SUBCOMMAND

Options:
  -h,--help                     Print this help message and exit
  --version                     Print the version and exit
  --endpoints HOST:PORT,...=localhost:6170 (Env:FLOTILLA_ENDPOINTS)
                                Some nodes of the cluster, comma-separated
  --timeout TIME (Env:FLOTILLA_TIMEOUT)
                                Of a call, all tries together; else 5s, import 60s
  -o,--output FORMAT            table, plain, json or raw; else table on a terminal

Reading:
  get                           Print the value of a key
  mget                          Print the values of several keys
  scan                          Print the keys of a range, in order

Writing:
  put                           Set a key to a value
  append                        Add to the end of a value
  incr                          Add to a number; an absent key counts as 0
  cas                           Set a key to a value if it is as expected
  del                           Delete a key, or all keys of a range
  txn                           If all conditions hold do some writes, else others

Many at once:
  import                        Put records from JSON lines or tab-separated lines
  export                        Write a range as lines that import reads

Looking after a cluster:
  cluster                       See how a cluster is
  node                          See, empty and remove nodes
  shard                         See and change how data is spread
  op                            See and cancel what is being moved and split
  debug                         Look inside

Exit codes: 0 ok, 1 other, 2 usage, 3 not found or condition failed, 4 unavailable,
5 denied, 6 outcome unknown.
)");
}

TEST_F(CliTest, EveryCommandHasHelp) {
  for (const char* command : {"get", "mget", "scan", "put", "append", "incr", "cas", "del", "txn",
                              "import", "export", "cluster", "node", "shard", "op", "debug"}) {
    const Ran ran = Run({command, "--help"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr(std::string("flotilla ") + command));
  }
}

TEST_F(CliTest, GetPrintsTheBareValue) {
  EXPECT_EQ(Run({"put", "greeting", "hello"}).out, "1\n");
  const Ran ran = Run({"get", "greeting"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "hello\n");
  terminal_ = true;
  EXPECT_EQ(Run({"get", "greeting"}).out, "hello\n");
}

TEST_F(CliTest, GetInEveryFormat) {
  (void)Run({"put", "k", "a\tb"});
  EXPECT_EQ(Run({"get", "k", "-o", "raw"}).out, "a\tb");
  EXPECT_EQ(Run({"get", "k", "-o", "plain"}).out, "k\ta\\tb\n");
  EXPECT_EQ(Run({"-o", "json", "get", "k"}).out,
            "{\"key\":\"k\",\"value\":\"a\\tb\",\"version\":1,\"created_version\":1}\n");
  EXPECT_EQ(Run({"get", "k", "-o", "table"}).out,
            "KEY  VALUE  VERSION  CREATED VERSION\n"
            "k    a\\tb   1        1\n");
}

TEST_F(CliTest, ATableSendsNoCommandsToTheTerminal) {
  (void)Run({"put", "k", "\x1b[2J\x07"});
  const std::string table = Run({"get", "k", "-o", "table"}).out;
  EXPECT_THAT(table, HasSubstr("base64:G1sySgc="));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
}

TEST_F(CliTest, JsonIsReadableUtf8AndBase64OnlyWhereItMust) {
  (void)Run({"put", "käse", "\xff\xfe"});
  EXPECT_EQ(Run({"get", "käse", "-o", "json"}).out,
            "{\"key\":\"käse\",\"value\":{\"base64\":\"//4=\"},\"version\":1,"
            "\"created_version\":1}\n");
}

TEST_F(CliTest, AMissingKeyIsThreeLinesAndExitCodeThree) {
  const Ran ran = Run({"get", "absent"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err,
            "error: get \"absent\": NOT_FOUND, KEY_NOT_FOUND\n"
            "why:   there is no such key\n"
            "try:   flotilla scan PREFIX shows which keys there are\n");
}

TEST_F(CliTest, AnUnknownOutcomeIsExitCodeSix) {
  FailNext(StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", Outcome::kUnknown);
  const Ran ran = Run({"incr", "n"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_EQ(ran.err,
            "error: incr \"n\": DEADLINE_EXCEEDED, DEADLINE_EXCEEDED (outcome unknown)\n"
            "why:   because\n"
            "try:   read the key to see whether it was written; a longer --timeout rides out "
            "failovers\n");
}

TEST_F(CliTest, ExitCodesFollowTheError) {
  const std::vector<std::pair<StatusCode, int>> cases = {
      {StatusCode::kInternal, 1},         {StatusCode::kInvalidArgument, 2},
      {StatusCode::kNotFound, 3},         {StatusCode::kUnavailable, 4},
      {StatusCode::kDeadlineExceeded, 4}, {StatusCode::kResourceExhausted, 4},
      {StatusCode::kPermissionDenied, 5}, {StatusCode::kUnauthenticated, 5}};
  for (const auto& [code, exit_code] : cases) {
    FailNext(code, "", Outcome::kNotApplied);
    EXPECT_EQ(Run({"put", "k", "v"}).code, exit_code) << ToString(code);
  }
}

TEST_F(CliTest, UsageErrorsAreThreeLinesAndExitCodeTwo) {
  EXPECT_EQ(Run({"get"}).err,
            "error: the command line is wrong\n"
            "why:   key is required\n"
            "try:   flotilla get --help\n");
  EXPECT_THAT(Run({"frobnicate"}).err, HasSubstr("there is no command \"frobnicate\""));
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"get"},
                                             {"get", "a", "b"},
                                             {"get", "a", "--timeout", "5"},
                                             {"get", "a", "-o", "xml"},
                                             {"cas", "k", "v"},
                                             {"cas", "k", "v", "--if-absent", "--if-version", "3"},
                                             {"del"},
                                             {"del", "k", "--prefix", "p"},
                                             {"scan", "p", "--from", "a"},
                                             {"scan", "--page-token", "!"},
                                             {"incr", "n", "--by", "one"},
                                             {"import", "/does/not/exist"},
                                             {"txn", "{"},
                                             {"put", "k", "v", "--frob"},
                                             {"cluster"}}) {
    const Ran ran = Run(args);
    EXPECT_EQ(ran.code, 2) << ::testing::PrintToString(args) << ran.err;
    EXPECT_THAT(ran.err, StartsWith("error: "));
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 3) << ran.err;
  }
}

TEST_F(CliTest, EndpointsAndTimeoutAreGivenBeforeOrBehindTheCommand) {
  (void)Run({"--endpoints", "a:1,b:2", "put", "k", "v", "--timeout", "250ms"});
  EXPECT_EQ(endpoints_, "a:1,b:2");
  EXPECT_EQ(timeout_, std::chrono::milliseconds(250));
  (void)Run({"get", "k"});
  EXPECT_EQ(endpoints_, "localhost:6170");
  EXPECT_EQ(timeout_, std::chrono::seconds(5));
}

TEST_F(CliTest, PutTakesItsValueFromStandardInput) {
  EXPECT_EQ(Run({"put", "k"}, "line one\nline two\n").code, 0);
  EXPECT_EQ(Run({"get", "k", "-o", "raw"}).out, "line one\nline two\n");
}

TEST_F(CliTest, MgetReportsMissingKeys) {
  (void)Run({"put", "a", "1"});
  const Ran ran = Run({"mget", "a", "b", "-o", "json"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_EQ(ran.out,
            "{\"key\":\"a\",\"value\":\"1\",\"version\":1,\"created_version\":1}\n"
            "{\"key\":\"b\",\"value\":null,\"version\":0,\"created_version\":0}\n");
}

TEST_F(CliTest, MgetTakesKeysAsTheyAre) {
  for (const char* key : {"[a,b]", "{}", "[]", "a,b"}) {
    EXPECT_EQ(Run({"put", key, "v"}).code, 0);
    EXPECT_EQ(Run({"mget", key, "-o", "plain"}).out.substr(0, std::string(key).size() + 2),
              std::string(key) + "\tv");
  }
}

TEST_F(CliTest, CasSaysWhatWasInTheWay) {
  EXPECT_EQ(Run({"cas", "k", "v", "--if-absent"}).code, 0);
  const Ran failed = Run({"cas", "k", "w", "--if-absent", "-o", "json"});
  EXPECT_EQ(failed.code, 3);
  EXPECT_EQ(failed.out, "{\"key\":\"k\",\"swapped\":false,\"version\":1,\"current\":\"v\"}\n");
  EXPECT_EQ(Run({"cas", "k", "w", "--if-version", "1"}).code, 0);
  EXPECT_EQ(Run({"cas", "k", "x", "--if-value", "w"}).code, 0);
  EXPECT_EQ(Run({"cas", "none", "x", "--if-exists"}).code, 3);
}

TEST_F(CliTest, IncrPrintsTheNumber) {
  EXPECT_EQ(Run({"incr", "n"}).out, "1\n");
  EXPECT_EQ(Run({"incr", "n", "--by", "-5"}).out, "-4\n");
}

TEST_F(CliTest, DelSaysHowManyWent) {
  for (const char* key : {"a/1", "a/2", "b"}) (void)Run({"put", key, "v"});
  EXPECT_EQ(Run({"del", "--prefix", "a/"}).out, "2\n");
  EXPECT_EQ(Run({"del", "b"}).out, "1\n");
  EXPECT_EQ(Run({"del", "b"}).code, 3);
}

TEST_F(CliTest, DelOfEverythingIsAskedForByName) {
  for (const char* key : {"a", "b"}) (void)Run({"put", key, "v"});
  EXPECT_EQ(Run({"del", "--prefix", ""}).code, 2);
  EXPECT_EQ(Run({"del", "--from", "", "--to", ""}).code, 2);
  EXPECT_EQ(Run({"del", "--all", "--prefix", ""}).code, 2);
  EXPECT_EQ(Run({"scan", "--count"}).out, "2\n");
  EXPECT_EQ(Run({"del", "--all"}).out, "2\n");
}

TEST_F(CliTest, DelThatFailsHalfwayDoesNotSayThatNothingHappened) {
  for (int i = 0; i < 1500; ++i) {
    ASSERT_TRUE(store_.Put("k" + std::to_string(i), "v").ok());
  }
  paging_.only_first_deletes = true;
  const Ran ran = Run({"del", "--prefix", "k"});
  EXPECT_EQ(ran.code, 6);
  EXPECT_THAT(ran.err, HasSubstr("outcome unknown"));
  EXPECT_THAT(ran.err, HasSubstr("deleted: 1000"));
}

TEST_F(CliTest, ScanPrintsTheRangeInOrder) {
  for (const char* key : {"b", "a", "c"}) (void)Run({"put", key, std::string("v") + key});
  EXPECT_EQ(Run({"scan"}).out, "a\tva\nb\tvb\nc\tvc\n");
  EXPECT_EQ(Run({"scan", "b"}).out, "b\tvb\n");
  EXPECT_EQ(Run({"scan", "--from", "b", "--reverse"}).out, "c\tvc\nb\tvb\n");
  EXPECT_EQ(Run({"scan", "--keys-only"}).out, "a\nb\nc\n");
  EXPECT_EQ(Run({"scan", "--count"}).out, "3\n");
  EXPECT_EQ(Run({"scan", "-o", "raw"}).out, "vavbvc");
  terminal_ = true;
  EXPECT_EQ(Run({"scan", "--limit", "1"}).out,
            "KEY  VALUE  VERSION\n"
            "a    va     2\n");
}

TEST_F(CliTest, AScanThatALimitEndedCanGoOn) {
  for (const char* key : {"a", "b", "c"}) (void)Run({"put", key, "v"});
  const Ran first = Run({"scan", "--limit", "2"});
  EXPECT_EQ(first.out, "a\tv\nb\tv\n");
  ASSERT_THAT(first.err, StartsWith("more:  --page-token "));
  std::string token = first.err.substr(std::string("more:  --page-token ").size());
  token.pop_back();
  EXPECT_EQ(Run({"scan", "--page-token", token}).out, "c\tv\n");
}

TEST_F(CliTest, TxnTakesOneSide) {
  const std::string txn = R"({"if":[{"key":"{a}lock","absent":true}],)"
                          R"("then":[{"put":"{a}lock","value":"me"},{"increment":"{a}n","by":2}],)"
                          R"("else":[{"append":"{a}log","value":"busy"},{"delete":"{a}x"}]})";
  EXPECT_EQ(Run({"txn", txn}).code, 0);
  const Ran second = Run({"txn", "-o", "json"}, txn);
  EXPECT_EQ(second.code, 3);
  EXPECT_THAT(second.out, HasSubstr("\"conditions_held\":false"));
  EXPECT_EQ(Run({"get", "{a}n"}).out, "2\n");
  EXPECT_EQ(Run({"get", "{a}log"}).out, "busy\n");
}

TEST_F(CliTest, AMalformedTransactionIsRefused) {
  for (const char* txn :
       {"[]", "{\"when\":[]}", "{\"if\":[{\"key\":\"k\"}]}", "{\"if\":[{\"absent\":true}]}",
        "{\"if\":[{\"key\":\"k\",\"absent\":false}]}", "{\"then\":[{\"value\":\"v\"}]}",
        "{\"then\":[{\"put\":\"k\"}]}", "{\"then\":[{\"put\":\"k\",\"append\":\"k\"}]}",
        "{\"then\":[{\"increment\":\"k\",\"by\":\"x\"}]}",
        "{\"then\":[{\"increment\":\"k\",\"by\":18446744073709551615}]}", "{\"then\":{}}",
        "{\"then\":[{\"put\":{\"base64\":\"?\"},\"value\":\"v\"}]}"}) {
    EXPECT_EQ(Run({"txn", txn}).code, 2) << txn;
  }
}

TEST_F(CliTest, ImportReadsJsonLinesAndTabSeparatedLines) {
  const Ran json = Run({"import"},
                       "{\"key\":\"a\",\"value\":\"1\"}\n\n"
                       "{\"key\":{\"base64\":\"/w==\"},\"value\":\"\\u00e4\"}\n");
  EXPECT_EQ(json.code, 0) << json.err;
  EXPECT_THAT(json.err, StartsWith("imported 2 records"));
  EXPECT_EQ(Run({"import"}, "b\ttwo\\nlines\nc\t\n").code, 0);
  EXPECT_EQ(Run({"get", "b"}).out, "two\nlines\n");
  EXPECT_EQ(Run({"get", "\xff"}).out, "ä\n");
  EXPECT_EQ(Run({"scan", "--count"}).out, "4\n");
}

TEST_F(CliTest, ImportKeepsTheOrderOfRecordsOfOneKey) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "k\t" + std::to_string(i) + "\n";
  EXPECT_EQ(Run({"import"}, lines).code, 0);
  EXPECT_EQ(Run({"get", "k"}).out, "99\n");
}

TEST_F(CliTest, ImportStopsAtTheFirstBadLineAndSaysHowToGoOn) {
  const Ran ran = Run({"import"}, "a\t1\nb\t2\nno tab\nc\t3\n");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("import, line 3"));
  EXPECT_THAT(ran.err, HasSubstr("no tab between key and value"));
  EXPECT_THAT(ran.err, HasSubstr("--skip 2 "));
  EXPECT_EQ(Run({"scan", "--keys-only"}).out, "a\nb\n");
  EXPECT_EQ(Run({"import", "--skip", "2"}, "a\t1\nb\t2\nc\t3\n").code, 0);
  EXPECT_EQ(Run({"scan", "--keys-only"}).out, "a\nb\nc\n");
}

TEST_F(CliTest, ImportThatFailsSaysHowManyAreStored) {
  FailNext(StatusCode::kUnavailable, reason::kNoLeader, Outcome::kNotApplied);
  const Ran ran = Run({"import"}, "a\t1\nb\t2\n");
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("import, record 1"));
  EXPECT_THAT(ran.err, HasSubstr("--skip 0 "));
}

TEST_F(CliTest, ImportThatFailsBeforeTheEndSaysHowManyAreStored) {
  FailNext(StatusCode::kUnavailable, reason::kNoLeader, Outcome::kNotApplied);
  const Ran ran = Run({"import", "--in-flight", "1"}, "a\t1\nb\t2\nc\t3\n");
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("import, record 1"));
  EXPECT_THAT(ran.err, HasSubstr("--skip 0 "));
}

TEST_F(CliTest, ImportCountsNothingBehindARecordThatFailed) {
  FailNext(StatusCode::kUnavailable, reason::kNoLeader, Outcome::kNotApplied);
  const Ran ran = Run({"import"}, "a\t1\nb\t2\na\t3\nc\t4\n");
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("--skip 0 "));
}

TEST_F(CliTest, ImportNamesARecordThatFailsBehindTheLastLine) {
  FailNext(StatusCode::kUnavailable, reason::kNoLeader, Outcome::kNotApplied);
  const Ran ran = Run({"import"}, "a\t1\nb\t2\n\t3\nd\t4\n");
  EXPECT_THAT(ran.err, HasSubstr("import, record 1"));
  const Ran empty_key = Run({"import"}, "a\t1\nb\t2\n\t3\nd\t4\n");
  EXPECT_EQ(empty_key.code, 2);
  EXPECT_THAT(empty_key.err, HasSubstr("import, record 3"));
  EXPECT_THAT(empty_key.err, HasSubstr("--skip 2 "));
}

TEST_F(CliTest, ADashIsStandardInputAndOutput) {
  EXPECT_EQ(Run({"import", "-"}, "a\t1\n").code, 0);
  EXPECT_EQ(Run({"export", "-", "--format", "tab"}).out, "a\t1\n");
}

TEST_F(CliTest, NumbersAreDecimalAndFit) {
  for (const char* by : {"99999999999999999999", "-99999999999999999999", "9223372036854775808",
                         "0x10", "", "1 ", "+1", "1.5"}) {
    const Ran ran = Run({"incr", "n", std::string("--by=") + by});
    EXPECT_EQ(ran.code, 2) << by;
  }
  EXPECT_EQ(Run({"get", "n"}).code, 3);
  EXPECT_THAT(Run({"incr", "n", "--by", "9223372036854775808"}).err,
              HasSubstr("\"9223372036854775808\" is no decimal number from -9223372036854775808 "
                        "to 9223372036854775807"));
  EXPECT_EQ(Run({"incr", "n", "--by", "010"}).out, "10\n");
  EXPECT_EQ(Run({"incr", "m", "--by", "-9223372036854775808"}).out, "-9223372036854775808\n");
  EXPECT_EQ(Run({"scan", "--limit", "-1"}).code, 2);
  EXPECT_EQ(Run({"scan", "--page-size=-1"}).code, 2);
  EXPECT_EQ(Run({"import", "--skip=-1"}, "a\t1\n").code, 2);
  EXPECT_EQ(Run({"import", "--in-flight=0"}, "a\t1\n").code, 2);
  EXPECT_EQ(Run({"cas", "k", "v", "--if-version", "-1"}).code, 2);
  EXPECT_EQ(Run({"cas", "k", "v", "--if-version", "18446744073709551616"}).code, 2);
}

TEST_F(CliTest, InputThatCannotBeReadIsAnError) {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"put", "k"}, {"append", "k"}, {"cas", "k", "--if-absent"}, {"txn"}}) {
    std::ifstream folder(::testing::TempDir());
    const Ran ran = RunOn(folder, args);
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("standard input cannot be read"));
  }
  EXPECT_EQ(Run({"get", "k"}).code, 3);
}

TEST_F(CliTest, AValueFromInputIsReadUpToTheLargestThatIsTaken) {
  const std::string largest(8 << 20, 'v');
  EXPECT_THAT(Run({"put", "k"}, largest).err, Not(HasSubstr("standard input")));
  const Ran ran = Run({"put", "k"}, largest + "v");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("standard input holds more than the 8388608 bytes"));
}

TEST_F(CliTest, AFolderWithoutALogIsAnError) {
  const std::filesystem::path folder = ::testing::TempDir() + "/no_log";
  std::filesystem::create_directories(folder);
  const Ran ran = Run({"debug", "wal", "dump", folder.string()});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("holds no segment of a log"));
  EXPECT_THAT(ran.err, HasSubstr(folder.string() + "/log"));
}

TEST_F(CliTest, ExportWritesWhatImportReads) {
  (void)Run({"put", "text", "tab\tand \"quotes\""});
  (void)Run({"put", "\x01\xff", std::string("\0\n\\", 3)});
  (void)Run({"put", "{tag}", "v"});
  const Ran before = Run({"scan", "-o", "json", "--keys-only"});
  for (const char* format : {"json", "tab"}) {
    const Ran exported = Run({"export", "--format", format});
    EXPECT_EQ(exported.code, 0);
    (void)Run({"del", "--from", "", "--to", "\xff"});
    EXPECT_EQ(Run({"scan", "--count"}).out, "0\n");
    EXPECT_EQ(Run({"import"}, exported.out).code, 0);
    EXPECT_EQ(Run({"get", "text"}).out, "tab\tand \"quotes\"\n");
    EXPECT_EQ(Run({"get", "\x01\xff", "-o", "raw"}).out, std::string("\0\n\\", 3));
  }
}

TEST_F(CliTest, ImportKnowsTabSeparatedLinesOfKeysWithAHashTag) {
  (void)Run({"put", "{tag}k", "v"});
  const Ran exported = Run({"export", "--format", "tab"});
  EXPECT_EQ(exported.out, "{tag}k\tv\n");
  EXPECT_EQ(Run({"import"}, exported.out).code, 0);
  EXPECT_EQ(Run({"import"}, "{\"key\":\t\"a\",\t\"value\":\"1\"}\n").code, 0);
  EXPECT_THAT(Run({"import"}, "{\"key\":\n").err, HasSubstr("it is not a JSON object"));
}

TEST_F(CliTest, ExportEndsWhenNobodyReadsItAnyMore) {
  for (int i = 0; i < 5000; ++i) ASSERT_TRUE(store_.Put(std::to_string(i), "v").ok());
  out_fails_ = true;
  EXPECT_EQ(Run({"export"}).code, 1);
  EXPECT_LE(paging_.scans, 2);
}

TEST_F(CliTest, ClusterStatusShowsNodesAndWhatIsWrong) {
  NodeStatus node;
  node.node_id = 1;
  node.endpoint = "n1:6170";
  node.phase = "serving";
  node.ready = true;
  node.version = "0.1.0";
  node.connected = {2, 3};
  ReplicaStatus replica;
  replica.shard_id = 1;
  replica.role = "follower";
  replica.voters = {1, 2, 3};
  node.replicas.push_back(replica);
  cluster_.nodes.push_back(node);
  const Ran ran = Run({"cluster", "status", "-o", "table"});
  EXPECT_EQ(ran.code, 4);
  EXPECT_EQ(ran.out,
            "NODE  ENDPOINT  STATE  VERSION  CONNECTED TO  LOG BYTES\n"
            "1     n1:6170   ready  0.1.0    2,3           0\n"
            "\n"
            "SHARD  NODE  ROLE      LEADER  TERM  COMMIT  APPLIED  LAST LOG  BYTES  VOTERS\n"
            "1      1     follower  0       0     0       0        0         0      1,2,3\n"
            "\n"
            "not healthy:\n"
            "  shard 1 has no leader\n");
  cluster_.nodes[0].replicas[0].role = "leader";
  EXPECT_EQ(Run({"cluster", "status"}).code, 0);
  EXPECT_THAT(Run({"cluster", "status", "-o", "json"}).out, StartsWith("{\"healthy\":true,"));
}

TEST_F(CliTest, DebugWalDumpReportsAFolderThatIsNotThere) {
  const Ran ran = Run({"debug", "wal", "dump", "/does/not/exist"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, StartsWith("error: debug wal dump /does/not/exist: NOT_FOUND\n"));
}

}  // namespace
}  // namespace flotilla::client::cli

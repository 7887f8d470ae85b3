// What people and programs read: HTTP pages and log lines.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string>

#include "base/posix_executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/health_pages.h"
#include "server/http_endpoint.h"
#include "server/json_logger.h"
#include "server/metrics_page.h"
#include "server/status_board.h"
#include "tests/server/fake_node.h"
#include <httplib.h>

namespace flotilla::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

class ManualClock : public Clock {
 public:
  MonoTime Now() const override { return MonoTime(Duration(now_.load())); }
  WallTime WallNow() const override { return WallTime(Duration(now_.load())); }
  void Advance(Duration duration) { now_ += duration.count(); }

 private:
  std::atomic<int64_t> now_ = Duration(seconds(1)).count();
};

// Runs at once what is posted, and never a timer.
class InlineExecutor : public Executor {
 public:
  void Post(Task task) override { task(); }
  TimerId PostAt(MonoTime, Task) override { return 1; }
  void Cancel(TimerId) override {}
};

// A connection that sends what the test says.
class RawConnection {
 public:
  explicit RawConnection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* address = reinterpret_cast<const sockaddr*>(&target);
    EXPECT_EQ(::connect(socket_.get(), address, sizeof(target)), 0);
  }

  void Write(std::string_view text) const {
    EXPECT_EQ(::write(socket_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  // Until the other end closes.
  std::string Read() const {
    std::string text;
    char buffer[1000];
    ssize_t got = 0;
    while ((got = ::read(socket_.get(), buffer, sizeof(buffer))) > 0) text.append(buffer, got);
    return text;
  }

 private:
  Descriptor socket_;
};

class PagesTest : public testing::Test {
 protected:
  PagesTest() {
    node_.status.phase = node::NodePhase::kServing;
    node_.status.replicas.resize(1);
    node_.status.replicas[0].shard = ShardId(1);
  }

  ManualClock clock_;
  FakeNode node_;
  InlineExecutor executor_;
  std::vector<bool> announced_;
  StatusBoard board_{node_, executor_, clock_, [this](bool ready) { announced_.push_back(ready); }};
};

TEST_F(PagesTest, AWellNodeIsAliveAndReady) {
  board_.Start();
  EXPECT_EQ(ReadyPage(board_, {}).body, "ok\n");
  EXPECT_EQ(ReadyPage(board_, {.verbose = true}).body,
            "[+]executor ok\n[+]cluster ok\n[+]disk ok\n[+]linearizable_read ok\nok\n");
  EXPECT_EQ(LivePage(board_, {}).status, 200);
  EXPECT_THAT(announced_, testing::ElementsAre(true));
}

TEST_F(PagesTest, ANodeThatIsOnlyStartingIsAliveButNotReady) {
  EXPECT_EQ(LivePage(board_, {}).status, 200);
  EXPECT_EQ(ReadyPage(board_, {}).status, 503);
}

TEST_F(PagesTest, EveryWeaknessIsNamed) {
  node_.ready = false;
  node_.status.phase = node::NodePhase::kJoining;
  node_.status.detail = "waits for node 2";
  node_.status.log.disk_full = true;
  node_.status.replicas[0].failed = true;
  node_.status.replicas[0].failure = "checksum mismatch";
  board_.Start();
  const HttpReply page = ReadyPage(board_, {});
  EXPECT_EQ(page.status, 503);
  EXPECT_THAT(page.body, HasSubstr("[-]cluster failed: joining: waits for node 2\n"));
  EXPECT_THAT(page.body, HasSubstr("[-]disk failed"));
  EXPECT_THAT(page.body, HasSubstr("[-]replica failed: checksum mismatch\n"));
  EXPECT_THAT(page.body, HasSubstr("[-]linearizable_read failed"));
}

TEST_F(PagesTest, AHungExecutorIsFoundOutWithoutIt) {
  board_.Start();
  clock_.Advance(seconds(3));
  EXPECT_THAT(ReadyPage(board_, {}).body, HasSubstr("[-]executor failed: it has said nothing for"));
  EXPECT_EQ(LivePage(board_, {}).status, 200);
  clock_.Advance(seconds(8));
  EXPECT_EQ(LivePage(board_, {}).status, 503);
}

TEST_F(PagesTest, AStoppingNodeIsNotReadyForGood) {
  board_.Start();
  board_.Stop();
  EXPECT_EQ(ReadyPage(board_, {}).status, 503);
  EXPECT_THAT(announced_, testing::ElementsAre(true, false));
}

TEST_F(PagesTest, MetricsShowEveryReplica) {
  node_.status.replicas.resize(2);
  node_.status.replicas[1].shard = ShardId(2);
  node_.status.replicas[1].raft.term = Term(7);
  node_.status.directory.map_version = 9;
  node_.status.directory.under_way.resize(2);
  board_.Start();
  MetricsRegistry registry;
  registry.AddCounter("flotilla_test_total", "For the test.").Add(3);
  const std::string page = MetricsPage(registry, board_);
  EXPECT_THAT(page, HasSubstr("flotilla_test_total 3\n"));
  EXPECT_THAT(page, HasSubstr("flotilla_raft_term{shard=\"1\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("flotilla_raft_term{shard=\"2\"} 7\n"));
  EXPECT_THAT(page, HasSubstr("flotilla_directory_map_version 9\n"));
  EXPECT_THAT(page, HasSubstr("flotilla_directory_steps 2\n"));
  EXPECT_THAT(page, HasSubstr("process_open_fds "));
}

std::unique_ptr<HttpEndpoint> NewEndpoint() {
  return HttpEndpoint::Create(*Doorman::Listen({"127.0.0.1", 0}, {}));
}

const std::map<std::string, HttpPage> kPages = {
    {"/page", [](const HttpQuery& query) {
       return HttpReply{.status = 503, .body = query.verbose ? "long" : "short"};
     }}};

TEST(HttpEndpoint, ServesPages) {
  const auto endpoint = NewEndpoint();
  endpoint->Serve(kPages);
  httplib::Client client("127.0.0.1", endpoint->address().port);
  EXPECT_EQ(client.Get("/page")->body, "short");
  EXPECT_EQ(client.Get("/page?verbose")->body, "long");
  EXPECT_EQ(client.Get("/page")->status, 503);
  EXPECT_EQ(client.Head("/page")->status, 503);
  EXPECT_EQ(client.Head("/page")->body, "");
  EXPECT_EQ(client.Get("/other")->status, 404);
  EXPECT_EQ(client.Post("/page")->status, 405);
  endpoint->Stop();
  endpoint->Stop();
}

TEST(HttpEndpoint, ServesPagesThatDoNotFitIntoASocket) {
  const std::string body(10 << 20, 'x');
  const auto endpoint = NewEndpoint();
  endpoint->Serve({{"/page", [&](const HttpQuery&) { return HttpReply{.body = body}; }}});
  httplib::Client client("127.0.0.1", endpoint->address().port);
  EXPECT_EQ(client.Get("/page")->body, body);
}

TEST(HttpEndpoint, IdleConnectionsKeepNobodyWaiting) {
  const auto endpoint = NewEndpoint();
  endpoint->Serve(kPages);
  // Some are not even served any more: there is a limit, and the oldest goes first.
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(std::make_unique<RawConnection>(endpoint->address().port));
  }
  httplib::Client client("127.0.0.1", endpoint->address().port);
  client.set_keep_alive(true);
  client.set_read_timeout(milliseconds(500));
  EXPECT_EQ(client.Get("/page")->body, "short");
  EXPECT_EQ(client.Get("/page")->body, "short");
  EXPECT_EQ(idle.front()->Read(), "");
}

TEST(HttpEndpoint, ARequestMayComeInPieces) {
  const auto endpoint = NewEndpoint();
  endpoint->Serve(kPages);
  const RawConnection connection(endpoint->address().port);
  for (const char* piece : {"GET /pa", "ge HTTP/1.1\r\nHost: x", "\r\n\r", "\n"}) {
    connection.Write(piece);
  }
  EXPECT_THAT(connection.Read(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST(HttpEndpoint, CanBeStoppedRightAfterItStarted) {
  for (int i = 0; i < 20; ++i) NewEndpoint()->Serve({});
}

TEST(HttpMessage, RefusesWhatIsNoRequest) {
  EXPECT_FALSE(ParseHttpRequest("GET /").has_value());
  for (const char* bad : {"\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / FTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(ParseHttpRequest(bad)->status, 400) << bad;
  }
  EXPECT_EQ(ParseHttpRequest("PUT / HTTP/1.1\r\n\r\n")->status, 405);
  EXPECT_EQ(ParseHttpRequest(std::string(9000, 'x'))->status, 431);
}

TEST(HttpMessage, FindsPathAndQuery) {
  const HttpRequest plain = *ParseHttpRequest("GET /a/b HTTP/1.0\r\nx: ?verbose\r\n\r\n");
  EXPECT_EQ(plain.path, "/a/b");
  EXPECT_FALSE(plain.query.verbose);
  EXPECT_TRUE(ParseHttpRequest("GET /a?x=1&verbose HTTP/1.1\r\n\r\n")->query.verbose);
  EXPECT_TRUE(ParseHttpRequest("GET /a?verbose=1 HTTP/1.1\r\n\r\n")->query.verbose);
  EXPECT_FALSE(ParseHttpRequest("GET /a?verbosely HTTP/1.1\r\n\r\n")->query.verbose);
}

class JsonLoggerTest : public testing::Test {
 protected:
  JsonLoggerTest() { EXPECT_EQ(::pipe(pipe_), 0); }
  ~JsonLoggerTest() override {
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }

  nlohmann::json ReadLine() {
    std::string line(10'000, '\0');
    line.resize(::read(pipe_[0], line.data(), line.size()));
    EXPECT_TRUE(line.ends_with("}\n"));
    return nlohmann::json::parse(line);
  }

  int pipe_[2] = {-1, -1};
  ManualClock clock_;
};

TEST_F(JsonLoggerTest, WritesAllKindsOfFields) {
  JsonLogger logger(clock_, NodeId(3), LogLevel::kInfo, pipe_[1]);
  logger.Warning("it_happened", {{"count", -5},
                                 {"big", uint64_t{1} << 63},
                                 {"yes", true},
                                 {"ratio", 0.5},
                                 {"text", "a \"quoted\"\nline"},
                                 {"shard", ShardId(9)}});
  const nlohmann::json line = ReadLine();
  EXPECT_EQ(line["ts"], "1970-01-01T00:00:01.000000Z");
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["node"], 3);
  EXPECT_EQ(line["event"], "it_happened");
  EXPECT_EQ(line["count"], -5);
  EXPECT_EQ(line["big"], uint64_t{1} << 63);
  EXPECT_EQ(line["yes"], true);
  EXPECT_EQ(line["text"], "a \"quoted\"\nline");
  EXPECT_EQ(line["shard"], 9);
}

TEST_F(JsonLoggerTest, StaysValidJsonWhateverBytesItIsGiven) {
  JsonLogger logger(clock_, NodeId(1), LogLevel::kInfo, pipe_[1]);
  logger.Info("bytes", {{"key", std::string("\xff\xfe\x00key\xc3", 7)},
                        {"ratio", std::numeric_limits<double>::infinity()}});
  const nlohmann::json line = ReadLine();
  EXPECT_THAT(line["key"].get<std::string>(), HasSubstr("key"));
  EXPECT_TRUE(line["ratio"].is_null());
}

TEST_F(JsonLoggerTest, LeavesOutWhatIsBelowItsLevel) {
  JsonLogger logger(clock_, NodeId(1), LogLevel::kWarning, pipe_[1]);
  logger.Info("quiet");
  logger.Error("loud");
  EXPECT_EQ(ReadLine()["event"], "loud");
}

}  // namespace
}  // namespace flotilla::server

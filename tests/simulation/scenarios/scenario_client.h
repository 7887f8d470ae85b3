// A client of a scenario: does one operation at a time under a session, and repeats it, at one node
// after the other, until it knows the outcome or has no more patience. Its verbs block in virtual
// time; or it works by itself beside what the scenario does. What it saw goes into the history,
// which is judged when the scenario ends.
#ifndef FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_CLIENT_H_
#define FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "kv/command.h"
#include "kv/read.h"
#include "node/request.h"
#include "tests/simulation/history.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

// The way from clients to nodes, and what else of a scenario they need.
class ClientPort {
 public:
  virtual ~ClientPort() = default;
  virtual SimWorld& world() = 0;
  // `done` runs once; after `timeout` with kDeadlineExceeded and an unknown outcome.
  virtual void Write(NodeIndex at, node::WriteRequest request, Duration timeout,
                     std::function<void(const node::WriteReply&)> done) = 0;
  virtual void Read(NodeIndex at, node::ReadRequest request, Duration timeout,
                    std::function<void(const node::ReadReply&)> done) = 0;
  virtual bool RunUntil(const std::function<bool()>& condition, Duration limit) = 0;
  virtual void Record(Operation operation) = 0;
  virtual uint32_t NewProcess() = 0;
};

struct ScenarioClientOptions {
  std::vector<NodeIndex> nodes;  // whom it asks
  Duration attempt = std::chrono::seconds(1);
  // An operation is given up this long after it began.
  Duration patience = std::chrono::seconds(60);
};

// What it does by itself: draws from these keys, none of them in common.
struct Work {
  std::vector<std::string> registers;  // read, written, deleted, compared and swapped
  std::vector<std::string> counters;   // read and incremented
  std::vector<std::string> lists;      // read and appended to
  Duration think_mean{};
  uint32_t value_bytes = 0;  // of filling
};

class ScenarioClient {
 public:
  // The port outlives the client.
  ScenarioClient(ClientPort& port, ScenarioClientOptions options, Random random);

  // Each blocks until the answer; a test failure when there is none in time.
  void Put(const std::string& key, const std::string& value);
  std::optional<std::string> Get(const std::string& key);
  int64_t Increment(const std::string& key, int64_t delta = 1);
  void Append(const std::string& key, const std::string& value);
  // Whether the condition held.
  bool Cas(const std::string& key, const std::optional<std::string>& expected,
           const std::string& value);
  bool Delete(const std::string& key);
  // All rows of the one shard, page by page.
  std::map<std::string, std::string> Scan();

  // The same without waiting, and the end of it.
  void Begin(OpKind kind, const std::string& key, const std::string& argument = "");
  void BeginCas(const std::string& key, const std::optional<std::string>& expected,
                const std::string& value);
  bool busy() const { return busy_; }
  // False, and no test failure, when there is no answer in time.
  bool Await(Duration limit);
  // Whether it is done within `limit`, and well; if not, it is still under way.
  bool Succeeds(OpKind kind, const std::string& key, const std::string& argument, Duration limit);
  // The last operation that ended.
  const Operation& last() const { return last_; }
  // What is under way is over, its outcome unknown.
  void GiveUp();

  void StartWork(Work work);
  // Finishes what it is doing and rests.
  void StopWork() { working_ = false; }
  uint64_t succeeded() const { return succeeded_; }
  uint64_t failed() const { return failed_; }
  int64_t incremented() const { return incremented_; }
  uint64_t replayed() const { return replayed_; }
  // From invocation to completion, of all that succeeded.
  Duration longest() const { return longest_; }
  void ForgetLongest() { longest_ = {}; }

  // From now on it asks these only.
  void AskOnly(std::vector<NodeIndex> nodes);
  NodeIndex asks() const { return at_; }

 private:
  struct Session {
    kv::SessionToken token;
    uint64_t next_sequence = 1;
  };

  void Wait();
  void DoNext();
  void Attempt();
  void AttemptRead();
  void AttemptWrite();
  void OpenSession();
  kv::Command ToCommand() const;
  void OnWritten(const node::WriteReply& reply);
  void OnRead(const node::ReadReply& reply);
  void OnError(const node::Error& error);
  void AskAnother(const node::Error& error);
  void Finish(OpFate fate);
  std::string NewValue();

  ClientPort& port_;
  ScenarioClientOptions options_;
  Random random_;
  uint32_t process_;
  NodeIndex at_ = 0;
  std::optional<Session> session_;
  Operation operation_;
  Operation last_;
  uint64_t sequence_ = 0;  // of the write under way; 0 until it has one
  // Counts operations: an answer to an earlier one is nobody's.
  uint64_t turn_ = 0;
  bool maybe_applied_ = false;
  bool busy_ = false;

  Work work_;
  bool working_ = false;
  uint64_t values_ = 0;
  std::map<std::string, std::optional<std::string>> seen_;
  uint64_t succeeded_ = 0;
  uint64_t failed_ = 0;
  int64_t incremented_ = 0;
  uint64_t replayed_ = 0;
  Duration longest_{};
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SCENARIOS_SCENARIO_CLIENT_H_

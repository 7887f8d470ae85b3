// One logical client of a simulated cluster: does one operation at a time, each write under a
// session and sequence number, and retries a write whose outcome is unknown until it knows. What it
// did and saw goes into the history.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "kv/command.h"
#include "node/request.h"
#include "tests/simulation/history.h"
#include "tests/simulation/run_record.h"

namespace flotilla::simulation {

// The way from clients to nodes: requests and answers take time and get lost.
class ClientNetwork {
 public:
  virtual ~ClientNetwork() = default;
  virtual Duration now() const = 0;
  virtual void After(Duration delay, std::function<void()> task) = 0;
  // `done` runs once; after `timeout` with kDeadlineExceeded and an unknown outcome.
  virtual void Write(node::WriteRequest request, Duration timeout,
                     std::function<void(node::WriteReply)> done) = 0;
  virtual void Read(node::ReadRequest request, Duration timeout,
                    std::function<void(node::ReadReply)> done) = 0;
  virtual ShardId ShardOf(const std::string& key) const = 0;
};

struct SimClientOptions {
  std::vector<std::string> registers;  // read, written, deleted, compared and swapped
  std::vector<std::string> counters;   // read and incremented
  std::vector<std::string> lists;      // read and appended to
  Duration think_mean = std::chrono::milliseconds(20);
  Duration timeout = std::chrono::seconds(1);
  // A write is given up this long after it began, its outcome unknown if it ever was.
  Duration patience = std::chrono::seconds(20);
  // Per mille: a page of everything in one shard instead of one operation.
  uint32_t scans = 50;

  std::vector<std::string> AllKeys() const;
};

class SimClient {
 public:
  // Everything outlives the client. `next_process` hands out names of logical clients.
  SimClient(const SimClientOptions& options, ClientNetwork& network, History& history,
            RunRecord& record, uint32_t& next_process, Random random);

  void Start() { DoNext(); }
  // Finishes what it is doing and then rests.
  void Stop() { stopped_ = true; }
  bool resting() const { return resting_; }
  // Reads one key now. Precondition: resting.
  void ReadKey(const std::string& key);
  // What is under way is over, its outcome unknown: the run ends.
  void GiveUp();

 private:
  struct Session {
    kv::SessionToken token;
    uint64_t next_sequence = 1;
  };

  void DoNext();
  void Rest(Duration time);
  void DrawOperation();
  void Begin(OpKind kind, const std::string& key);
  void Attempt();
  void AttemptRead();
  void AttemptWrite();
  void OpenSession(ShardId shard);
  kv::Command ToCommand(const Session& session) const;
  void OnWritten(const node::WriteReply& reply);
  void OnError(const node::Error& error);
  void OnResult(const kv::CommandResult& result);
  void OnRead(const node::ReadReply& reply);
  void Finish(OpFate fate);
  void Scan();
  void OnPage(ShardId shard, Duration invoked, const node::ReadReply& reply);
  void RetryLater();
  std::string NewValue();

  const SimClientOptions& options_;
  ClientNetwork& network_;
  History& history_;
  RunRecord& record_;
  uint32_t& next_process_;
  Random random_;
  uint32_t process_;
  uint32_t values_ = 0;
  std::map<ShardId, Session> sessions_;
  // What it saw last of each register, for compare and swap.
  std::map<std::string, std::optional<std::string>> seen_;
  Operation operation_;
  uint64_t sequence_ = 0;  // of the write under way; 0 until it has one
  bool maybe_applied_ = false;
  bool busy_ = false;
  bool resting_ = false;
  bool stopped_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_H_

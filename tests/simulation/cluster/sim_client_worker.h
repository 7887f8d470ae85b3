// One logical client: does one call at a time through the library's core, thinks, and does the next
// one, drawn from all that the library offers. What it asked for and what it was told goes into the
// history. Belongs to a client process and dies with it.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_WORKER_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_WORKER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "client/client_core.h"
#include "client/operation.h"
#include "tests/simulation/history.h"
#include "tests/simulation/history_checks.h"
#include "tests/simulation/run_record.h"
#include "tests/simulation/sim_world.h"

namespace flotilla::simulation {

// What clients do, and to which keys.
struct WorkloadOptions {
  std::vector<std::string> registers;  // read, written, deleted, compared and swapped
  std::vector<std::string> counters;   // read and incremented
  std::vector<std::string> lists;      // read and appended to
  std::vector<KeyGroup> groups;        // read and written whole, by batches and transactions
  // Of what is written to registers, now and then: some writes take several sectors of a disk.
  uint64_t long_value_bytes = 0;
  Duration think_mean = std::chrono::milliseconds(20);
  Duration timeout = std::chrono::seconds(5);  // of a call, all tries together

  std::vector<std::string> AllKeys() const;
};

class SimClientWorker {
 public:
  // All outlive the worker. `next_process` hands out names of logical clients.
  struct Surroundings {
    const WorkloadOptions& options;
    SimWorld& world;
    RunRecord& record;
    History& history;
    uint32_t& next_process;
    Clock& clock;
    Executor& executor;
    client::ClientCore& core;
  };
  SimClientWorker(const Surroundings& surroundings, Random random);

  void Start() { Next(); }
  // Finishes what it is doing, then does what is demanded, and then rests.
  void Stop() { stopped_ = true; }
  bool resting() const { return resting_; }

  struct Demand {
    std::string key;
    bool write = false;
  };
  // To be done until each went well. Precondition: it rests.
  void DoAll(std::vector<Demand> demands);

  // The process dies: what is under way may still happen.
  void Abandon();

 private:
  // Puts what the library said into call_.
  using Fill = std::function<void(client::Result& result)>;
  struct Seen {
    std::string value;
    uint64_t version = 0;
  };
  // A scan that goes on page by page.
  struct Scan {
    KeyRange range;
    bool reverse = false;
    uint32_t page_size = 0;
    std::string page_token;
    std::optional<std::string> last_key;  // that came
    Duration page_invoked{};
    Duration previous_page_invoked{};
    uint32_t pages = 0;
    uint32_t failures = 0;
  };

  void Next();
  void Rest();
  void Draw();

  // Calls on one key.
  void DrawRegisterCall(const std::string& key);
  void Read(const std::string& key, ReadLevel level);
  void Put(const std::string& key);
  void Delete(const std::string& key);
  void CompareAndSwap(const std::string& key);
  void Increment(const std::string& key);
  void Append(const std::string& key);
  void Write(const std::string& key);

  // Calls on several.
  void Batch(const KeyGroup& group);
  void Transact(const KeyGroup& group);
  void ReadMany(const KeyGroup& group, ReadLevel level);
  // Of any shards: not one state, each key as it was at some moment.
  void ReadSpread(ReadLevel level);
  void DeleteSomeRange();
  // Puts the same stamp to both twins, and now and then counts it and notes it in the log.
  std::vector<Mutation> DrawGroupWrite(const KeyGroup& group);
  Condition ConditionOn(const std::string& key);
  void AddMutations(const std::vector<Mutation>& mutations);
  // The keys are those of the call's operations.
  void ExecuteReads(std::vector<std::string> keys, ReadLevel level);
  void FillReads(const BatchGetResult& got);
  void FillMutations(const std::vector<MutationResult>& results);

  // Scans (sim_client_worker_scan.cc).
  void StartScan();
  void NextPage();
  void OnPage(const ScanPage& page);
  void TakePage(const ScanPage& page);
  bool CheckRow(const Entry& row);
  void EndScan(bool complete);

  // The course of a call.
  HistoryCall& BeginCall(CallKind kind);
  Operation& AddOperation(const std::string& key, OpKind kind);
  void Execute(client::Operation operation, Fill fill, ReadLevel level = ReadLevel::kLinearizable);
  void Send(client::Operation operation, ReadLevel level,
            std::function<void(StatusOr<client::Result>)> done);
  void OnDone(StatusOr<client::Result> result, const Fill& fill);
  void OnFailure(const Status& status);
  void Finish(OpFate fate);
  void Record();
  void RecordApart();
  void NoteSeen();
  std::string NewValue();
  // For keys that do not grow.
  std::string NewRegisterValue();

  const Surroundings surroundings_;
  Random random_;
  uint32_t process_;
  uint32_t values_ = 0;
  // What it saw last of each key, for conditions; nullopt: absent.
  std::map<std::string, std::optional<Seen>> seen_;

  HistoryCall call_;
  // What the call does to its keys, it does to each by itself.
  bool apart_ = false;
  // The batch that was asked for last cannot be carried out.
  bool doomed_ = false;
  std::optional<Scan> scan_;
  std::deque<Demand> demands_;
  bool busy_ = false;
  bool resting_ = false;
  bool stopped_ = false;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_SIM_CLIENT_WORKER_H_

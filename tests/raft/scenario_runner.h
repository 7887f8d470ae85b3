// Runs scenarios that are written as text: commands, and after each the trace that it must cause.
// In the manner of etcd-raft's data-driven interaction tests. A scenario shows how the protocol
// behaves, line by line, to whoever reads it; a change of behaviour shows as a diff.
//
//   propose 1 x            command with arguments; # begins a comment
//   ----
//   1 persists ...         what it causes
//
// scenarios/README.md lists the commands.
#ifndef FLOTILLA_TESTS_RAFT_SCENARIO_RUNNER_H_
#define FLOTILLA_TESTS_RAFT_SCENARIO_RUNNER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/messages.h"
#include "raft/raft_core.h"
#include "tests/raft/message_text.h"
#include "tests/raft/test_network.h"

namespace flotilla::raft {

// One word, or key=value.
struct ScenarioArgument {
  std::string key;
  std::string value;  // of a plain word: the word itself, with an empty key
};

class ScenarioRunner {
 public:
  ScenarioRunner();

  // The same scenario with the traces that it causes in fact. CHECKs that all commands are known.
  std::string Run(std::string_view scenario);

 private:
  using Arguments = std::vector<ScenarioArgument>;
  using Command = void (ScenarioRunner::*)(const Arguments&);

  static const std::map<std::string, Command, std::less<>>& Commands();
  std::string Execute(const std::string& line);

  // Set-up.
  void Options(const Arguments& arguments);
  void AddNodes(const Arguments& arguments);
  // Inputs.
  void Campaign(const Arguments& arguments);
  void Propose(const Arguments& arguments);
  void ProposeConfChange(const Arguments& arguments);
  void ReadIndex(const Arguments& arguments);
  void AnnounceCommit(const Arguments& arguments);
  void Tick(const Arguments& arguments);
  void Transfer(const Arguments& arguments);
  void PeerLost(const Arguments& arguments);
  void Compact(const Arguments& arguments);
  // The host's work.
  void Stabilize(const Arguments& arguments);
  void DeliverMessages(const Arguments& arguments);
  void ProcessAppend(const Arguments& arguments);
  void ProcessApply(const Arguments& arguments);
  void ProcessFetch(const Arguments& arguments);
  void SendSnapshot(const Arguments& arguments);
  // Faults.
  void Crash(const Arguments& arguments);
  void Restart(const Arguments& arguments);
  void Cut(const Arguments& arguments);
  void Isolate(const Arguments& arguments);
  void Heal(const Arguments& arguments);
  // Inspection.
  void Status(const Arguments& arguments);
  void RaftLog(const Arguments& arguments);

  void Observe(int node, const Outputs& outputs);
  void Deliver(const Message& message);
  bool CompleteWork(int node);
  void WriteOne(int node, bool report);
  void ApplyOne(int node);
  void FinishTransfers(int from, int to, bool ok);
  void Line(const std::string& text);

  std::unique_ptr<TestNetwork> network_;
  RaftOptions options_;
  MessageText text_;
  std::string trace_;
  // Members whose trace is off: stabilize quiet.
  bool quiet_ = false;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_SCENARIO_RUNNER_H_

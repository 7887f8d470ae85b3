#include "tests/raft/scenario_runner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace flotilla::raft {

namespace {

std::vector<ScenarioArgument> Split(const std::string& line) {
  std::vector<ScenarioArgument> words;
  std::istringstream in(line);
  for (std::string word; in >> word && word[0] != '#';) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      words.push_back({"", word});
    } else {
      words.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
  }
  return words;
}

int Number(const std::string& text) { return std::stoi(text); }
NodeId Node(const std::string& text) { return NodeId(static_cast<uint64_t>(Number(text))); }

// The plain words, as numbers.
std::vector<int> Nodes(const std::vector<ScenarioArgument>& arguments) {
  std::vector<int> nodes;
  for (const auto& [key, value] : arguments) {
    if (key.empty() && std::isdigit(static_cast<unsigned char>(value[0]))) {
      nodes.push_back(Number(value));
    }
  }
  return nodes;
}

int First(const std::vector<ScenarioArgument>& arguments) {
  FLOTILLA_CHECK(!arguments.empty());
  return Number(arguments[0].value);
}

bool HasWord(const std::vector<ScenarioArgument>& arguments, std::string_view word) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [word](const auto& a) { return a.key.empty() && a.value == word; });
}

std::optional<std::string> ValueOf(const std::vector<ScenarioArgument>& arguments,
                                   std::string_view key) {
  for (const ScenarioArgument& argument : arguments) {
    if (argument.key == key) return argument.value;
  }
  return std::nullopt;
}

std::string Range(const std::vector<Entry>& entries) {
  std::string text = "[";
  for (const Entry& entry : entries) text += (text.size() > 1 ? ", " : "") + TextOf(entry);
  return text + "]";
}

}  // namespace

ScenarioRunner::ScenarioRunner() { options_.election_timeout_ticks = 3; }

const std::map<std::string, ScenarioRunner::Command, std::less<>>& ScenarioRunner::Commands() {
  using R = ScenarioRunner;
  static const auto& commands = *new std::map<std::string, Command, std::less<>>{
      {"options", &R::Options},
      {"add-nodes", &R::AddNodes},
      {"campaign", &R::Campaign},
      {"propose", &R::Propose},
      {"propose-conf-change", &R::ProposeConfChange},
      {"read-index", &R::ReadIndex},
      {"announce-commit", &R::AnnounceCommit},
      {"tick", &R::Tick},
      {"transfer", &R::Transfer},
      {"peer-lost", &R::PeerLost},
      {"compact", &R::Compact},
      {"stabilize", &R::Stabilize},
      {"deliver-msgs", &R::DeliverMessages},
      {"process-append", &R::ProcessAppend},
      {"process-apply", &R::ProcessApply},
      {"process-fetch", &R::ProcessFetch},
      {"send-snapshot", &R::SendSnapshot},
      {"crash", &R::Crash},
      {"restart", &R::Restart},
      {"cut", &R::Cut},
      {"isolate", &R::Isolate},
      {"heal", &R::Heal},
      {"status", &R::Status},
      {"raft-log", &R::RaftLog}};
  return commands;
}

std::string ScenarioRunner::Run(std::string_view scenario) {
  std::string out;
  std::istringstream in{std::string(scenario)};
  bool skipping = false;  // an old trace
  for (std::string line; std::getline(in, line);) {
    if (skipping && !line.empty()) continue;
    skipping = false;
    const bool is_command = !line.empty() && line[0] != '#';
    out += line + "\n";
    if (!is_command) continue;
    out += "----\n" + Execute(line);
    skipping = true;
  }
  return out;
}

std::string ScenarioRunner::Execute(const std::string& line) {
  Arguments arguments = Split(line);
  const std::string name = arguments[0].value;
  arguments.erase(arguments.begin());
  const auto command = Commands().find(name);
  FLOTILLA_CHECK_MSG(command != Commands().end(), "no command " + name);
  FLOTILLA_CHECK_MSG(network_ != nullptr || name == "options" || name == "add-nodes", line);
  trace_.clear();
  quiet_ = HasWord(arguments, "quiet");
  (this->*command->second)(arguments);
  if (trace_.empty()) trace_ = quiet_ ? "ok (quiet)\n" : "ok\n";
  return std::exchange(trace_, "");
}

void ScenarioRunner::Line(const std::string& text) {
  if (!quiet_) trace_ += text + "\n";
}

void ScenarioRunner::Options(const Arguments& arguments) {
  const std::map<std::string, size_t*> sizes = {
      {"max-message-bytes", &options_.max_message_bytes},
      {"max-inflight-bytes", &options_.max_inflight_bytes_per_peer},
      {"max-inflight-messages", &options_.max_inflight_messages_per_peer},
      {"max-uncommitted-bytes", &options_.max_uncommitted_bytes},
      {"max-apply-batch-bytes", &options_.max_apply_batch_bytes},
      {"max-unapplied-bytes", &options_.max_unapplied_bytes},
      {"entry-cache-bytes", &options_.entry_cache_bytes}};
  for (const auto& [key, value] : arguments) {
    if (key == "pre-vote") {
      options_.pre_vote = value == "true";
    } else if (key == "check-quorum") {
      options_.check_quorum = value == "true";
    } else if (key == "election-ticks") {
      options_.election_timeout_ticks = Number(value);
    } else if (key == "heartbeat-ticks") {
      options_.heartbeat_ticks = Number(value);
    } else {
      *sizes.at(key) = static_cast<size_t>(Number(value));
    }
  }
}

void ScenarioRunner::AddNodes(const Arguments& arguments) {
  network_ = std::make_unique<TestNetwork>(options_);
  network_->observer = [this](int node, const Outputs& outputs) { Observe(node, outputs); };
  network_->Start(First(arguments), Number(ValueOf(arguments, "learners").value_or("0")));
}

void ScenarioRunner::Observe(int node, const Outputs& outputs) {
  const std::string who = TextOf(network_->at(node).self());
  if (outputs.role_change.has_value()) {
    const RoleChange& change = *outputs.role_change;
    Line(who + " is " + std::string(ToString(change.role)) + " in term " + ToString(change.term) +
         (change.role == Role::kFollower ? " of " + TextOf(change.leader) : ""));
  }
  for (const Message& message : outputs.messages) Line("  " + text_.Of(message));
  if (outputs.persist.has_value()) {
    const PersistRequest& persist = *outputs.persist;
    std::string line = "  " + who + " persists #" + std::to_string(persist.ticket);
    if (persist.hard_state.has_value()) {
      line += " term=" + ToString(persist.hard_state->term) +
              " vote=" + ToString(persist.hard_state->vote) +
              " commit=" + ToString(persist.hard_state->commit);
    }
    if (!persist.entries.empty()) line += " " + Range(persist.entries);
    Line(line);
    for (const Message& message : persist.messages_after) Line("    then " + text_.Of(message));
  }
  if (!outputs.committed.empty()) Line("  " + who + " commits " + Range(outputs.committed));
  for (const ReadReady& read : outputs.reads) {
    Line("  " + who + " read " + std::to_string(read.id) +
         (read.index.is_none() ? " failed" : " at index " + ToString(read.index)));
  }
  for (const FetchRequest& fetch : outputs.fetches) {
    Line("  " + who + " fetches " + ToString(fetch.first) + ".." + ToString(fetch.last));
  }
  for (const SnapshotRequest& request : outputs.snapshots) {
    Line("  " + who + " sends a snapshot >= " + ToString(request.at_least) + " to " +
         TextOf(request.to));
  }
}

void ScenarioRunner::Campaign(const Arguments& arguments) {
  network_->Step(First(arguments), [](RaftCore& core) { core.Campaign(); });
}

void ScenarioRunner::Propose(const Arguments& arguments) {
  std::optional<std::string> error;
  network_->Step(First(arguments), [&](RaftCore& core) {
    for (size_t i = 1; i < arguments.size(); ++i) {
      if (arguments[i].value == "quiet") continue;
      const auto position = core.Propose(MakeBytes(arguments[i].value));
      if (!position.ok()) error = position.status().ToString();
    }
  });
  if (error.has_value()) Line(*error);
}

void ScenarioRunner::ProposeConfChange(const Arguments& arguments) {
  ConfigurationChange change;
  for (const auto& [key, value] : arguments) {
    if (key == "add-learner") change.add_learners.push_back(Node(value));
    if (key == "add-voter") change.add_voters.push_back(Node(value));
    if (key == "demote") change.demote.push_back(Node(value));
    if (key == "remove") change.remove.push_back(Node(value));
  }
  const auto position = network_->Step(
      First(arguments), [&](RaftCore& core) { return core.ProposeConfiguration(change); });
  if (!position.ok()) Line(position.status().ToString());
}

void ScenarioRunner::ReadIndex(const Arguments& arguments) {
  const int node = First(arguments);
  const int count = arguments.size() > 1 ? Number(arguments[1].value) : 1;
  network_->Step(node, [&](RaftCore& core) {
    for (int i = 0; i < count; ++i) {
      const auto read = core.ReadIndex();
      Line(read.ok() ? std::to_string(node) + " registers read " + std::to_string(*read)
                     : read.status().ToString());
    }
  });
}

void ScenarioRunner::AnnounceCommit(const Arguments& arguments) {
  network_->Step(First(arguments), [](RaftCore& core) { core.AnnounceCommit(); });
}

void ScenarioRunner::Tick(const Arguments& arguments) {
  const int times = arguments.size() > 1 ? Number(arguments[1].value) : 1;
  network_->Tick(First(arguments), times);
}

void ScenarioRunner::Transfer(const Arguments& arguments) {
  const absl::Status status = network_->Step(First(arguments), [&](RaftCore& core) {
    return core.TransferLeadership(Node(arguments[1].value));
  });
  if (!status.ok()) Line(status.ToString());
}

void ScenarioRunner::PeerLost(const Arguments& arguments) {
  network_->Step(First(arguments),
                 [&](RaftCore& core) { core.PeerLost(Node(arguments[1].value)); });
}

void ScenarioRunner::Compact(const Arguments& arguments) {
  const int node = First(arguments);
  network_->at(node).FlushState();
  network_->at(node).Compact(LogIndex(static_cast<uint64_t>(Number(arguments[1].value))));
  network_->Collect(node);
}

void ScenarioRunner::Deliver(const Message& message) {
  const bool lost = network_->IsCut(message.from.node, message.to.node);
  Line((lost ? "lost " : "") + text_.Of(message));
  network_->Deliver(message);
}

void ScenarioRunner::WriteOne(int node, bool report) {
  TestMember& member = network_->at(node);
  const Ticket ticket = member.writes().front().ticket;
  member.CompleteWrite();
  Line(TextOf(member.self()) + " wrote #" + std::to_string(ticket));
  if (report) member.ReportWrites();
  network_->Collect(node);
}

void ScenarioRunner::ApplyOne(int node) {
  TestMember& member = network_->at(node);
  Line(TextOf(member.self()) + " applied up to " + ToString(member.applies().front().back().index));
  member.CompleteApply();
  network_->Collect(node);
}

bool ScenarioRunner::CompleteWork(int node) {
  TestMember& member = network_->at(node);
  bool worked = false;
  while (member.HasWrites() || member.HasUnreported() || member.HasApplies() ||
         member.HasFetches()) {
    worked = true;
    while (member.HasWrites()) WriteOne(node, true);
    if (member.HasUnreported()) {
      member.ReportWrites();
      network_->Collect(node);
    }
    while (member.HasApplies()) ApplyOne(node);
    if (member.HasFetches()) {
      member.CompleteFetch(false);
      network_->Collect(node);
    }
  }
  return worked;
}

// Lets the named nodes (or all) work and talk until nothing moves. Messages to other nodes wait.
void ScenarioRunner::Stabilize(const Arguments& arguments) {
  std::vector<int> nodes = Nodes(arguments);
  const bool all = nodes.empty();
  bool moved = true;
  while (moved) {
    moved = false;
    if (all) nodes = network_->nodes();
    const auto takes_part = [&](const Message& message) {
      const int to = static_cast<int>(message.to.node.value());
      return all || std::find(nodes.begin(), nodes.end(), to) != nodes.end();
    };
    for (int node : nodes) {
      if (!network_->IsUp(node)) continue;
      moved |= CompleteWork(node);
      // A scenario that asks for no trace is about something else than how commits spread.
      if (quiet_) network_->Step(node, [](RaftCore& core) { core.AnnounceCommit(); });
    }
    for (const Message& message : network_->Extract(takes_part)) {
      Deliver(message);
      moved = true;
    }
    if (all && !network_->transfers().empty()) {
      FinishTransfers(0, 0, true);
      moved = true;
    }
  }
}

void ScenarioRunner::DeliverMessages(const Arguments& arguments) {
  const auto matches = [&](const Message& message) {
    for (const auto& [key, value] : arguments) {
      if (key == "to" && message.to.node != Node(value)) return false;
      if (key == "from" && message.from.node != Node(value)) return false;
      if (key == "type" && KindOf(message) != value) return false;
    }
    return true;
  };
  const std::vector<Message> messages = network_->Extract(matches);
  for (const Message& message : messages) {
    if (HasWord(arguments, "drop")) {
      Line("dropped " + text_.Of(message));
      continue;
    }
    Deliver(message);
    if (HasWord(arguments, "twice")) Deliver(message);
  }
  if (messages.empty()) Line("no messages");
}

void ScenarioRunner::ProcessAppend(const Arguments& arguments) {
  const int node = First(arguments);
  if (HasWord(arguments, "report")) {
    network_->at(node).ReportWrites();
    network_->Collect(node);
    return;
  }
  WriteOne(node, !HasWord(arguments, "unreported"));
}

void ScenarioRunner::ProcessApply(const Arguments& arguments) { ApplyOne(First(arguments)); }

void ScenarioRunner::ProcessFetch(const Arguments& arguments) {
  const int node = First(arguments);
  network_->at(node).CompleteFetch(HasWord(arguments, "gone"));
  network_->Collect(node);
}

void ScenarioRunner::FinishTransfers(int from, int to, bool ok) {
  for (const TestNetwork::Transfer& transfer : std::exchange(network_->transfers(), {})) {
    const bool matches =
        from == 0 || (transfer.from.node.value() == static_cast<uint64_t>(from) &&
                      transfer.request.to.node.value() == static_cast<uint64_t>(to));
    if (!matches) {
      network_->transfers().push_back(transfer);
      continue;
    }
    const bool cut = network_->IsCut(transfer.from.node, transfer.request.to.node);
    Line("snapshot " + TextOf(transfer.from) + "->" + TextOf(transfer.request.to) + " at " +
         ToString(transfer.meta.index) + "@" + ToString(transfer.meta.term) +
         (ok && !cut ? "" : " failed"));
    network_->FinishTransfer(transfer, ok && !cut);
  }
}

void ScenarioRunner::SendSnapshot(const Arguments& arguments) {
  FinishTransfers(First(arguments), Number(arguments[1].value), !HasWord(arguments, "fail"));
}

void ScenarioRunner::Crash(const Arguments& arguments) {
  network_->Crash(
      First(arguments),
      static_cast<size_t>(Number(ValueOf(arguments, "surviving-writes").value_or("0"))));
}

void ScenarioRunner::Restart(const Arguments& arguments) { network_->Restart(First(arguments)); }

void ScenarioRunner::Cut(const Arguments& arguments) {
  network_->Cut(First(arguments), Number(arguments[1].value));
}

void ScenarioRunner::Isolate(const Arguments& arguments) { network_->Isolate(First(arguments)); }

void ScenarioRunner::Heal(const Arguments&) { network_->Heal(); }

void ScenarioRunner::Status(const Arguments& arguments) {
  std::vector<int> nodes = Nodes(arguments);
  if (nodes.empty()) nodes = network_->nodes();
  for (int node : nodes) {
    if (!network_->IsUp(node)) {
      Line(std::to_string(node) + " is down");
      continue;
    }
    const RaftStatus status = network_->core(node).Status();
    Line(TextOf(status.self) + " " + std::string(ToString(status.role)) +
         " term=" + ToString(status.term) + " vote=" + ToString(status.vote) +
         " leader=" + TextOf(status.leader) + " applied=" + ToString(status.applied) +
         " commit=" + ToString(status.commit) + " durable=" + ToString(status.durable) +
         " last=" + ToString(status.last_index) + " " + TextOf(status.configuration) +
         (status.configuration_committed ? "" : " (uncommitted)"));
    for (const PeerProgress& peer : status.peers) {
      Line("  " + TextOf(peer.member) + (peer.is_voter ? "" : " (no voter)") +
           " match=" + ToString(peer.match) + (peer.recently_active ? "" : " silent") +
           (peer.snapshot_pending ? " snapshot" : ""));
    }
  }
}

void ScenarioRunner::RaftLog(const Arguments& arguments) {
  const RaftCore& core = network_->core(First(arguments));
  const RaftStatus status = core.Status();
  std::string line = "base " + ToString(status.first_index.prev()) + "@" +
                     ToString(core.TermAt(status.first_index.prev()).value()) + ":";
  for (LogIndex at = status.first_index; at <= status.last_index; ++at) {
    line += " " + ToString(at) + "@" + ToString(core.TermAt(at).value());
  }
  Line(line);
}

}  // namespace flotilla::raft

// What clients and operators do in a scenario.
#include <algorithm>
#include <utility>

#include "tests/simulation/scenarios/scenario.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kClientDelayMean = microseconds(200);
constexpr Duration kChangeLimit = seconds(60);

}  // namespace

// ---- Members.

void Scenario::Change(const raft::ConfigurationChange& change,
                      const std::function<bool()>& is_done) {
  absl::Status last = absl::UnknownError("nobody was asked");
  const Duration end = now() + kChangeLimit;
  while (now() < end) {
    const std::optional<NodeIndex> leader = host_.LeaderOf(kShard);
    if (leader.has_value()) {
      last = TryChange(*leader, change).value_or(absl::DeadlineExceededError("no answer"));
      // What was answered otherwise may yet have happened.
      if (last.ok() || is_done()) return;
    }
    RunFor(milliseconds(50));
  }
  ADD_FAILURE() << "the members do not change: " << last;
}

std::optional<absl::Status> Scenario::TryChange(NodeIndex at,
                                                const raft::ConfigurationChange& change,
                                                Duration limit) {
  const auto answer = std::make_shared<std::optional<absl::Status>>();
  host_.machine(at).executor().Post([this, at, change, answer] {
    host_.node(at)->ChangeMembership(
        kShard, change, [answer](absl::Status status) { *answer = std::move(status); });
  });
  RunUntil([&answer] { return answer->has_value(); }, limit);
  return *answer;
}

bool Scenario::IsVoter(NodeIndex node) const {
  const std::optional<NodeIndex> leader = host_.LeaderOf(kShard);
  if (!leader.has_value()) return false;
  const raft::RaftStatus raft = Raft(*leader);
  const auto& voters = raft.configuration.voters;
  return raft.configuration_committed && !raft.configuration.IsJoint() &&
         std::any_of(voters.begin(), voters.end(),
                     [node](const raft::Member& voter) { return voter.node == NodeOf(node); });
}

namespace {

bool IsMember(const raft::Configuration& configuration, NodeIndex node) {
  const std::vector<raft::Member> members = configuration.AllMembers();
  return std::any_of(members.begin(), members.end(),
                     [node](const raft::Member& member) { return member.node == NodeOf(node); });
}

}  // namespace

void Scenario::Add(NodeIndex node) {
  Change({.add_learners = {NodeOf(node)}}, [this, node] {
    const auto leader = host_.LeaderOf(kShard);
    return leader.has_value() && IsMember(Raft(*leader).configuration, node);
  });
}

void Scenario::Promote(NodeIndex node) {
  Change({.add_voters = {NodeOf(node)}}, [this, node] { return IsVoter(node); });
}

void Scenario::Join(NodeIndex node) {
  Add(node);
  Promote(node);
}

void Scenario::BecomeVoter(NodeIndex node) {
  const Duration end = now() + kChangeLimit;
  while (!IsVoter(node) && now() < end) {
    RunFor(milliseconds(50));
    const std::optional<NodeIndex> leader = host_.LeaderOf(kShard);
    if (!leader.has_value()) continue;
    if (IsMember(Raft(*leader).configuration, node)) {
      TryChange(*leader, {.add_voters = {NodeOf(node)}});
    } else {
      TryChange(*leader, {.add_learners = {NodeOf(node)}});
    }
  }
  EXPECT_TRUE(IsVoter(node)) << "node " << node;
}

void Scenario::Remove(NodeIndex node) {
  Change({.remove = {NodeOf(node)}}, [this, node] {
    const auto leader = host_.LeaderOf(kShard);
    if (!leader.has_value()) return false;
    const raft::RaftStatus raft = Raft(*leader);
    return raft.configuration_committed && !IsMember(raft.configuration, node);
  });
}

void Scenario::Transfer(NodeIndex target) {
  EXPECT_TRUE(Await(
      [this, target] {
        const std::optional<NodeIndex> leader = host_.LeaderOf(kShard);
        if (leader == target) return true;
        if (leader.has_value() && Raft(*leader).transfer_target == raft::Member()) {
          host_.node(*leader)->TransferLeadership(kShard, NodeOf(target), [](const auto&) {});
        }
        return false;
      },
      seconds(30)))
      << "node " << target << " does not become leader";
}

// ---- Clients.

ScenarioClient& Scenario::NewClient() { return NewClientOf(AllBut({})); }

ScenarioClient& Scenario::NewClientOf(const std::vector<NodeIndex>& nodes) {
  clients_.push_back(std::make_unique<ScenarioClient>(*this, ScenarioClientOptions{.nodes = nodes},
                                                      client_random_.Split()));
  return *clients_.back();
}

std::vector<ScenarioClient*> Scenario::NewWorkers(size_t count, const Work& work) {
  std::vector<ScenarioClient*> workers;
  for (size_t i = 0; i < count; ++i) {
    workers.push_back(&NewClient());
    workers.back()->StartWork(work);
  }
  return workers;
}

void Scenario::StopWorkers() {
  for (const auto& client : clients_) client->StopWork();
  EXPECT_TRUE(Await(
      [this] {
        return std::none_of(clients_.begin(), clients_.end(),
                            [](const auto& client) { return client->busy(); });
      },
      seconds(90)))
      << "a client gets no answer";
}

uint64_t Scenario::Succeeded() const {
  uint64_t sum = 0;
  for (const auto& client : clients_) sum += client->succeeded();
  return sum;
}

void Scenario::Record(Operation operation) {
  history_[operation.key].push_back(std::move(operation));
}

namespace {

node::Error NoAnswer() {
  return {.code = absl::StatusCode::kDeadlineExceeded,
          .reason = node::Reason::kDeadlineExceeded,
          .outcome = node::Outcome::kUnknown};
}

node::Error NobodyThere() {
  return {.code = absl::StatusCode::kUnavailable,
          .reason = node::Reason::kNotReady,
          .outcome = node::Outcome::kNotApplied};
}

}  // namespace

// A call takes time both ways, and ends once: with the answer or at its deadline.
template <typename Reply, typename Request, typename Serve>
void Scenario::Send(NodeIndex at, Request request, Duration timeout,
                    std::function<void(const Reply&)> done, Serve serve) {
  const auto call = std::make_shared<std::function<void(const Reply&)>>(std::move(done));
  const auto later = [this](Duration delay, std::function<void()> task) {
    world_.After(delay, EventKind::kWorld, kWorldNode, std::move(task));
  };
  const auto finish = [call](const Reply& reply) {
    if (*call) std::exchange(*call, nullptr)(reply);
  };
  later(timeout, [finish] { finish({.error = NoAnswer()}); });
  const auto delay = [this] { return client_random_.Exponential(kClientDelayMean); };
  later(delay(), [=, this] {
    if (host_.node(at) == nullptr) {
      later(delay(), [finish] { finish({.error = NobodyThere()}); });
      return;
    }
    host_.machine(at).executor().Post([=, this]() mutable {
      request.context.deadline = host_.machine(at).clock().Now() + timeout;
      serve(*host_.node(at), std::move(request), [=](Reply reply) {
        later(delay(), [finish, reply = std::move(reply)] { finish(reply); });
      });
    });
  });
}

void Scenario::Write(NodeIndex at, node::WriteRequest request, Duration timeout,
                     std::function<void(const node::WriteReply&)> done) {
  Send<node::WriteReply>(at, std::move(request), timeout, std::move(done),
                         [](node::Node& node, node::WriteRequest asked, node::WriteDone answer) {
                           node.Write(std::move(asked), std::move(answer));
                         });
}

void Scenario::Read(NodeIndex at, node::ReadRequest request, Duration timeout,
                    std::function<void(const node::ReadReply&)> done) {
  Send<node::ReadReply>(at, std::move(request), timeout, std::move(done),
                        [](node::Node& node, node::ReadRequest asked, node::ReadDone answer) {
                          node.Read(std::move(asked), std::move(answer));
                        });
}

std::shared_ptr<OneWrite> Scenario::WriteOnce(NodeIndex at, const std::string& key) {
  auto write = std::make_shared<OneWrite>();
  one_writes_.push_back(write);
  const uint32_t process = NewProcess();
  const std::string value = "once " + std::to_string(process);
  write->operation = {.process = process,
                      .key = key,
                      .kind = OpKind::kWrite,
                      .argument = value,
                      .invoked = now(),
                      .completed = now()};
  node::WriteRequest request;
  request.command =
      MakeBytes(kv::EncodeCommand({.operation = kv::Put{.key = key, .value = value}}));
  Write(at, std::move(request), seconds(60), [this, write](const node::WriteReply& reply) {
    write->answered = true;
    write->reply = reply;
    Operation& operation = write->operation;
    operation.completed = now();
    operation.version = reply.result.version;
    const bool unknown = reply.error.outcome == node::Outcome::kUnknown;
    operation.fate = reply.error.ok() ? OpFate::kOk : unknown ? OpFate::kInfo : OpFate::kFail;
    Record(operation);
  });
  return write;
}

OneWrites Scenario::WriteManyOnce(NodeIndex at, int count, const std::string& prefix) {
  OneWrites writes;
  const LogIndex before = Raft(at).last_index;
  for (int i = 0; i < count; ++i) {
    writes.push_back(WriteOnce(at, prefix + std::to_string(i)));
    RunFor(milliseconds(2));
  }
  EXPECT_GE(Raft(at).last_index, before + static_cast<uint64_t>(count));
  return writes;
}

std::optional<node::ReadReply> Scenario::ReadAt(NodeIndex node, const std::string& key,
                                                node::ReadLevel level, Duration limit) {
  std::optional<node::ReadReply> answer;
  node::ReadRequest request;
  request.level = level;
  request.read.operation = kv::Get{.key = key};
  Read(node, std::move(request), limit,
       [&answer](const node::ReadReply& reply) { answer = reply; });
  RunUntil([&answer] { return answer.has_value(); }, limit + seconds(1));
  if (!answer.has_value() || !answer->error.ok()) return std::nullopt;
  return answer;
}

}  // namespace flotilla::simulation

#include "tests/simulation/scenarios/scenario_client.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/sim_machine.h"
#include <gtest/gtest.h>

namespace flotilla::simulation {

namespace {

constexpr Duration kRetryMean = std::chrono::milliseconds(50);

}  // namespace

ScenarioClient::ScenarioClient(ClientPort& port, ScenarioClientOptions options, Random random)
    : port_(port), options_(std::move(options)), random_(random), process_(port.NewProcess()) {
  at_ = random_.Pick(options_.nodes);
}

void ScenarioClient::AskOnly(std::vector<NodeIndex> nodes) {
  options_.nodes = std::move(nodes);
  at_ = random_.Pick(options_.nodes);
}

void ScenarioClient::Put(const std::string& key, const std::string& value) {
  Begin(OpKind::kWrite, key, value);
  Wait();
}

std::optional<std::string> ScenarioClient::Get(const std::string& key) {
  Begin(OpKind::kRead, key);
  Wait();
  return last_.value;
}

int64_t ScenarioClient::Increment(const std::string& key, int64_t delta) {
  Begin(OpKind::kIncrement, key, std::to_string(delta));
  Wait();
  return std::stoll(last_.value.value_or("0"));
}

void ScenarioClient::Append(const std::string& key, const std::string& value) {
  Begin(OpKind::kAppend, key, value);
  Wait();
}

bool ScenarioClient::Cas(const std::string& key, const std::optional<std::string>& expected,
                         const std::string& value) {
  BeginCas(key, expected, value);
  Wait();
  return last_.held;
}

void ScenarioClient::BeginCas(const std::string& key, const std::optional<std::string>& expected,
                              const std::string& value) {
  seen_[key] = expected;
  Begin(OpKind::kCas, key, value);
}

bool ScenarioClient::Delete(const std::string& key) {
  Begin(OpKind::kDelete, key);
  Wait();
  return last_.held;
}

void ScenarioClient::Wait() {
  if (!Await(options_.patience + options_.attempt * 2) || last_.fate != OpFate::kOk) {
    ADD_FAILURE() << "client " << process_ << " gets no answer about " << last_.key << ": "
                  << last_.error;
  }
}

bool ScenarioClient::Await(Duration limit) {
  return port_.RunUntil([this] { return !busy_; }, limit);
}

bool ScenarioClient::Succeeds(OpKind kind, const std::string& key, const std::string& argument,
                              Duration limit) {
  Begin(kind, key, argument);
  return Await(limit) && last_.fate == OpFate::kOk;
}

std::map<std::string, std::string> ScenarioClient::Scan() {
  std::map<std::string, std::string> rows;
  std::string from;
  const Duration end = port_.world().now() + options_.patience;
  for (bool done = false; !done && port_.world().now() < end;) {
    std::optional<node::ReadReply> page;
    node::ReadRequest request;
    request.target.shard = ShardId(1);
    request.read.operation = kv::ScanPage{.from = from};
    port_.Read(at_, std::move(request), options_.attempt,
               [&page](const node::ReadReply& reply) { page = reply; });
    port_.RunUntil([&page] { return page.has_value(); }, options_.attempt * 2);
    if (!page.has_value() || !page->error.ok()) {
      at_ = random_.Pick(options_.nodes);
      continue;
    }
    for (const auto& row : page->result.rows) rows[row->key] = row->value;
    done = !page->result.resume_key.has_value();
    from = page->result.resume_key.value_or("");
  }
  return rows;
}

void ScenarioClient::Begin(OpKind kind, const std::string& key, const std::string& argument) {
  ASSERT_FALSE(busy_) << "a client does one operation at a time";
  operation_ = Operation();
  operation_.process = process_;
  operation_.key = key;
  operation_.kind = kind;
  operation_.argument = argument;
  if (kind == OpKind::kCas) operation_.expected = seen_[key];
  operation_.invoked = port_.world().now();
  sequence_ = 0;
  maybe_applied_ = false;
  busy_ = true;
  ++turn_;
  Attempt();
}

void ScenarioClient::Attempt() {
  if (!busy_) return;
  if (port_.world().now() - operation_.invoked > options_.patience) {
    return Finish(maybe_applied_ ? OpFate::kInfo : OpFate::kFail);
  }
  if (operation_.kind == OpKind::kRead) return AttemptRead();
  AttemptWrite();
}

void ScenarioClient::AttemptRead() {
  node::ReadRequest request;
  request.read.operation = kv::Get{.key = operation_.key};
  port_.Read(at_, std::move(request), options_.attempt,
             [this, turn = turn_](const node::ReadReply& reply) {
               if (busy_ && turn == turn_) OnRead(reply);
             });
}

void ScenarioClient::AttemptWrite() {
  if (!session_.has_value()) return OpenSession();
  if (sequence_ == 0) sequence_ = session_->next_sequence++;
  node::WriteRequest request;
  request.command = MakeBytes(kv::EncodeCommand(ToCommand()));
  port_.Write(at_, std::move(request), options_.attempt,
              [this, turn = turn_](const node::WriteReply& reply) {
                if (busy_ && turn == turn_) OnWritten(reply);
              });
}

void ScenarioClient::OpenSession() {
  node::WriteRequest request;
  request.target.shard = ShardId(1);
  request.command = MakeBytes(kv::EncodeCommand({.operation = kv::OpenSession()}));
  port_.Write(at_, std::move(request), options_.attempt,
              [this, turn = turn_](const node::WriteReply& reply) {
                if (!busy_ || turn != turn_) return;
                if (!reply.error.ok()) return AskAnother(reply.error);
                const auto token = kv::DecodeSessionToken(reply.result.session_token);
                ASSERT_TRUE(token.ok()) << token.status();
                session_ = {.token = *token};
                Attempt();
              });
}

kv::Command ScenarioClient::ToCommand() const {
  kv::Command command;
  command.identity = {
      .session = session_->token, .sequence = sequence_, .acknowledged_below = sequence_};
  const std::string& key = operation_.key;
  const std::string& argument = operation_.argument;
  switch (operation_.kind) {
    case OpKind::kRead:
      break;
    case OpKind::kWrite:
      command.operation = kv::Put{.key = key, .value = argument};
      break;
    case OpKind::kDelete:
      command.operation = kv::Delete{.key = key};
      break;
    case OpKind::kCas: {
      kv::Condition condition{.kind = kv::Condition::Kind::kAbsent, .key = key};
      if (operation_.expected.has_value()) {
        condition.kind = kv::Condition::Kind::kValue;
        condition.value = *operation_.expected;
      }
      command.operation = kv::CompareAndSwap{.condition = condition, .value = argument};
      break;
    }
    case OpKind::kIncrement:
      command.operation = kv::Increment{.key = key, .delta = std::stoll(argument)};
      break;
    case OpKind::kAppend:
      command.operation = kv::Append{.key = key, .value = argument};
      break;
  }
  return command;
}

void ScenarioClient::OnWritten(const node::WriteReply& reply) {
  if (!reply.error.ok()) return OnError(reply.error);
  const kv::CommandResult& result = reply.result;
  if (result.replayed) ++replayed_;
  operation_.version = result.version;
  const bool held = result.code == kv::ResultCode::kOk;
  EXPECT_TRUE(held || result.code == kv::ResultCode::kNotFound ||
              result.code == kv::ResultCode::kCompareFailed)
      << ToString(result.code);
  operation_.held = held;
  if (operation_.kind == OpKind::kIncrement) operation_.value = result.value;
  Finish(OpFate::kOk);
}

void ScenarioClient::OnRead(const node::ReadReply& reply) {
  if (!reply.error.ok()) return OnError(reply.error);
  ASSERT_LE(reply.result.rows.size(), 1u);
  if (!reply.result.rows.empty() && reply.result.rows[0].has_value()) {
    operation_.value = reply.result.rows[0]->value;
    operation_.version = reply.result.rows[0]->version;
  }
  seen_[operation_.key] = operation_.value;
  Finish(OpFate::kOk);
}

void ScenarioClient::OnError(const node::Error& error) {
  operation_.error = std::string(ToString(error.reason)) + " " + error.message;
  EXPECT_NE(error.outcome, node::Outcome::kApplied) << error.message;
  if (error.reason == node::Reason::kSessionUnknown) {
    // The session is gone and with it the answer of an earlier try, if that had one.
    session_.reset();
    return Finish(maybe_applied_ ? OpFate::kInfo : OpFate::kFail);
  }
  if (error.outcome == node::Outcome::kUnknown) maybe_applied_ = true;
  AskAnother(error);
}

void ScenarioClient::AskAnother(const node::Error& error) {
  at_ = random_.Pick(options_.nodes);
  if (error.route.has_value() && !error.route->leader.is_none()) {
    const NodeIndex leader = MachineOf(error.route->leader);
    const bool known =
        std::find(options_.nodes.begin(), options_.nodes.end(), leader) != options_.nodes.end();
    if (known) at_ = leader;
  }
  port_.world().After(random_.Exponential(kRetryMean), EventKind::kWorld, kWorldNode,
                      [this, turn = turn_] {
                        if (turn == turn_) Attempt();
                      });
}

void ScenarioClient::Finish(OpFate fate) {
  const Duration now = port_.world().now();
  operation_.fate = fate;
  operation_.completed = now;
  if (fate == OpFate::kOk) {
    ++succeeded_;
    if (operation_.kind == OpKind::kIncrement) incremented_ += std::stoll(operation_.argument);
    longest_ = std::max(longest_, now - operation_.invoked);
    operation_.error.clear();
  } else {
    ++failed_;
  }
  if (fate == OpFate::kInfo) {
    // The sequence number is spent, and this logical client with it.
    process_ = port_.NewProcess();
    session_.reset();
  }
  busy_ = false;
  last_ = operation_;
  port_.Record(std::move(operation_));
  if (!working_) return;
  const Duration think =
      work_.think_mean == Duration::zero() ? std::chrono::microseconds(10) : work_.think_mean;
  port_.world().After(random_.Exponential(think), EventKind::kWorld, kWorldNode, [this] {
    if (working_ && !busy_) DoNext();
  });
}

void ScenarioClient::GiveUp() {
  working_ = false;
  if (busy_) Finish(operation_.kind == OpKind::kRead ? OpFate::kFail : OpFate::kInfo);
}

void ScenarioClient::StartWork(Work work) {
  work_ = std::move(work);
  working_ = true;
  DoNext();
}

void ScenarioClient::DoNext() {
  std::vector<OpKind> kinds;
  const auto offer = [&kinds](const auto& keys, std::initializer_list<OpKind> what) {
    if (!keys.empty()) kinds.insert(kinds.end(), what);
  };
  offer(work_.registers, {OpKind::kRead, OpKind::kRead, OpKind::kWrite, OpKind::kWrite,
                          OpKind::kCas, OpKind::kDelete});
  offer(work_.counters, {OpKind::kIncrement, OpKind::kIncrement, OpKind::kIncrement});
  offer(work_.lists, {OpKind::kAppend, OpKind::kAppend, OpKind::kAppend});
  const OpKind kind = random_.Pick(kinds);
  switch (kind) {
    case OpKind::kIncrement:
      return Begin(random_.Chance(1, 3) ? OpKind::kRead : kind, random_.Pick(work_.counters), "1");
    case OpKind::kAppend:
      // Reads tell the judge in which order the others came.
      return Begin(random_.Chance(1, 2) ? OpKind::kRead : kind, random_.Pick(work_.lists),
                   NewValue());
    default:
      return Begin(kind, random_.Pick(work_.registers), NewValue());
  }
}

std::string ScenarioClient::NewValue() {
  return std::to_string(process_) + "." + std::to_string(++values_) + "," +
         std::string(work_.value_bytes, 'x');
}

}  // namespace flotilla::simulation

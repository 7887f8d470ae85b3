#include "tests/simulation/cluster/sim_client.h"

#include <utility>

namespace flotilla::simulation {

namespace {

constexpr Duration kRetryMean = std::chrono::milliseconds(100);

}  // namespace

std::vector<std::string> SimClientOptions::AllKeys() const {
  std::vector<std::string> keys = registers;
  keys.insert(keys.end(), counters.begin(), counters.end());
  keys.insert(keys.end(), lists.begin(), lists.end());
  return keys;
}

SimClient::SimClient(const SimClientOptions& options, ClientNetwork& network, History& history,
                     RunRecord& record, uint32_t& next_process, Random random)
    : options_(options),
      network_(network),
      history_(history),
      record_(record),
      next_process_(next_process),
      random_(random),
      process_(next_process++) {}

void SimClient::DoNext() {
  if (stopped_) {
    resting_ = true;
    return;
  }
  if (random_.Chance(options_.scans, 1000)) {
    Scan();
  } else {
    DrawOperation();
  }
}

void SimClient::Rest(Duration time) {
  network_.After(time, [this] { DoNext(); });
}

void SimClient::DrawOperation() {
  const uint64_t draw = random_.Below(10);
  if (draw < 5 && !options_.registers.empty()) {
    static constexpr OpKind kKinds[] = {OpKind::kRead,   OpKind::kWrite, OpKind::kWrite,
                                        OpKind::kDelete, OpKind::kCas,   OpKind::kCas};
    Begin(kKinds[random_.Below(6)], random_.Pick(options_.registers));
  } else if (draw < 8) {
    Begin(random_.Chance(1, 4) ? OpKind::kRead : OpKind::kIncrement,
          random_.Pick(options_.counters));
  } else {
    Begin(random_.Chance(1, 3) ? OpKind::kRead : OpKind::kAppend, random_.Pick(options_.lists));
  }
}

void SimClient::Begin(OpKind kind, const std::string& key) {
  operation_ = Operation();
  operation_.process = process_;
  operation_.key = key;
  operation_.kind = kind;
  operation_.invoked = network_.now();
  switch (kind) {
    case OpKind::kRead:
    case OpKind::kDelete:
      break;
    case OpKind::kIncrement:
      operation_.argument = std::to_string(random_.Between(1, 3));
      break;
    case OpKind::kCas:
      operation_.expected = seen_[key];
      [[fallthrough]];
    case OpKind::kWrite:
    case OpKind::kAppend:
      operation_.argument = NewValue();
      break;
  }
  sequence_ = 0;
  maybe_applied_ = false;
  busy_ = true;
  resting_ = false;
  Attempt();
}

void SimClient::ReadKey(const std::string& key) { Begin(OpKind::kRead, key); }

void SimClient::Attempt() {
  if (!busy_) return;
  if (network_.now() - operation_.invoked > options_.patience && !stopped_) {
    return Finish(maybe_applied_ ? OpFate::kInfo : OpFate::kFail);
  }
  if (operation_.kind == OpKind::kRead) return AttemptRead();
  AttemptWrite();
}

void SimClient::AttemptRead() {
  node::ReadRequest request;
  request.read.operation = kv::Get{.key = operation_.key};
  network_.Read(std::move(request), options_.timeout,
                [this](const node::ReadReply& reply) { OnRead(reply); });
}

void SimClient::AttemptWrite() {
  const ShardId shard = network_.ShardOf(operation_.key);
  const auto session = sessions_.find(shard);
  if (session == sessions_.end()) return OpenSession(shard);
  if (sequence_ == 0) sequence_ = session->second.next_sequence++;
  node::WriteRequest request;
  if (random_.Chance(1, 2)) request.target.shard = shard;
  request.command = MakeBytes(kv::EncodeCommand(ToCommand(session->second)));
  network_.Write(std::move(request), options_.timeout,
                 [this](const node::WriteReply& reply) { OnWritten(reply); });
}

void SimClient::OpenSession(ShardId shard) {
  node::WriteRequest request;
  request.target.shard = shard;
  kv::Command command;
  command.operation = kv::OpenSession();
  request.command = MakeBytes(kv::EncodeCommand(command));
  network_.Write(std::move(request), options_.timeout,
                 [this, shard](const node::WriteReply& reply) {
                   if (!busy_) return;
                   if (!reply.error.ok()) return RetryLater();
                   const auto token = kv::DecodeSessionToken(reply.result.session_token);
                   if (!token.ok()) {
                     record_.Fail("a session token does not decode");
                     return;
                   }
                   sessions_[shard] = {.token = *token};
                   Attempt();
                 });
}

kv::Command SimClient::ToCommand(const Session& session) const {
  kv::Command command;
  command.identity = {
      .session = session.token, .sequence = sequence_, .acknowledged_below = sequence_};
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

void SimClient::OnWritten(const node::WriteReply& reply) {
  if (!busy_) return;
  if (reply.error.ok()) {
    OnResult(reply.result);
  } else {
    OnError(reply.error);
  }
}

void SimClient::OnError(const node::Error& error) {
  operation_.error = std::string(ToString(error.reason));
  if (error.reason == node::Reason::kSessionUnknown) {
    // The session is gone and with it the answer of an earlier try, if that had one.
    record_.Mark("client.session_lost");
    sessions_.erase(network_.ShardOf(operation_.key));
    return Finish(maybe_applied_ ? OpFate::kInfo : OpFate::kFail);
  }
  if (error.outcome == node::Outcome::kApplied) {
    record_.Fail("a write failed and yet was applied: " + error.message);
    return;
  }
  if (error.outcome == node::Outcome::kUnknown) {
    maybe_applied_ = true;
    record_.Mark("client.outcome_unknown");
  }
  RetryLater();
}

void SimClient::OnResult(const kv::CommandResult& result) {
  if (result.replayed) record_.Mark("client.answer_replayed");
  operation_.version = result.version;
  switch (result.code) {
    case kv::ResultCode::kOk:
      if (operation_.kind == OpKind::kIncrement) operation_.value = result.value;
      break;
    case kv::ResultCode::kNotFound:
    case kv::ResultCode::kCompareFailed:
      operation_.held = false;
      break;
    default:
      record_.Fail("a write is answered with " + std::string(ToString(result.code)));
      return;
  }
  Finish(OpFate::kOk);
}

void SimClient::OnRead(const node::ReadReply& reply) {
  if (!busy_) return;
  if (!reply.error.ok()) {
    operation_.error = std::string(ToString(reply.error.reason));
    return RetryLater();
  }
  if (reply.result.rows.size() > 1) {
    record_.Fail("a get is answered with several rows");
    return;
  }
  if (!reply.result.rows.empty() && reply.result.rows[0].has_value()) {
    operation_.value = reply.result.rows[0]->value;
    operation_.version = reply.result.rows[0]->version;
  }
  seen_[operation_.key] = operation_.value;
  Finish(OpFate::kOk);
}

void SimClient::Finish(OpFate fate) {
  operation_.fate = fate;
  operation_.completed = network_.now();
  if (fate == OpFate::kOk) {
    operation_.error.clear();
    record_.Mark("client.ok");
    if (operation_.kind == OpKind::kWrite || (operation_.kind == OpKind::kCas && operation_.held)) {
      seen_[operation_.key] = operation_.argument;
    }
  }
  if (fate == OpFate::kInfo) {
    record_.Mark("client.info");
    // The sequence number is spent, and this logical client with it.
    process_ = next_process_++;
    sessions_.erase(network_.ShardOf(operation_.key));
  }
  history_[operation_.key].push_back(std::move(operation_));
  busy_ = false;
  Rest(random_.Exponential(options_.think_mean));
}

void SimClient::GiveUp() {
  if (busy_ && !operation_.key.empty()) {
    operation_.fate = OpFate::kInfo;
    operation_.completed = network_.now();
    history_[operation_.key].push_back(std::move(operation_));
  }
  busy_ = false;
}

void SimClient::Scan() {
  const ShardId shard = network_.ShardOf(random_.Pick(options_.registers));
  node::ReadRequest request;
  request.target.shard = shard;
  request.read.operation = kv::ScanPage{.from = "a", .to = "z"};
  const Duration invoked = network_.now();
  busy_ = false;
  network_.Read(std::move(request), options_.timeout,
                [this, shard, invoked](const node::ReadReply& reply) {
                  if (reply.error.ok()) OnPage(shard, invoked, reply);
                  Rest(random_.Exponential(options_.think_mean));
                });
}

// A page is one state of the shard: a read of each of its keys, the absent ones too.
void SimClient::OnPage(ShardId shard, Duration invoked, const node::ReadReply& reply) {
  record_.Mark("client.scan");
  std::map<std::string, const kv::Row*> rows;
  for (const auto& row : reply.result.rows) rows[row->key] = &*row;
  for (const std::string& key : options_.AllKeys()) {
    if (network_.ShardOf(key) != shard) continue;
    if (reply.result.resume_key.has_value() && key >= *reply.result.resume_key) continue;
    Operation read;
    read.process = process_;
    read.key = key;
    read.invoked = invoked;
    read.completed = network_.now();
    read.fate = OpFate::kOk;
    if (const auto row = rows.find(key); row != rows.end()) {
      read.value = row->second->value;
      read.version = row->second->version;
    }
    history_[key].push_back(std::move(read));
  }
}

void SimClient::RetryLater() {
  network_.After(random_.Exponential(kRetryMean), [this] { Attempt(); });
}

std::string SimClient::NewValue() {
  return std::to_string(process_) + "." + std::to_string(++values_) + ",";
}

}  // namespace flotilla::simulation

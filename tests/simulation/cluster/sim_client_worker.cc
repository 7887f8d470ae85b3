#include "tests/simulation/cluster/sim_client_worker.h"

#include <algorithm>
#include <set>
#include <variant>

namespace flotilla::simulation {

namespace {

using std::chrono::milliseconds;

// By how much a call may outlive its deadline: timers are late in the simulator, too.
constexpr Duration kLatenessMax = milliseconds(300);

bool Contains(const std::vector<std::string>& keys, const std::string& key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// What a correct library never has to say about calls like these.
bool IsDefect(const Status& status) {
  static const std::set<std::string> kDefects = {
      "INVALID_REQUEST", "PERMISSION_DENIED",  "NOT_A_NUMBER", "NUMBER_OVERFLOW",
      "VALUE_TOO_LARGE", "SEQUENCE_FORGOTTEN", "INTERNAL",     "UNSUPPORTED"};
  return kDefects.contains(status.reason());
}

const char* MarkOf(CallKind kind, bool stale) {
  switch (kind) {
    case CallKind::kSingle:
      return stale ? "client.stale_read" : nullptr;
    case CallKind::kBatch:
      return "client.batch";
    case CallKind::kTransaction:
      return "client.transaction";
    case CallKind::kReadMany:
      return stale ? "client.stale_read_many" : "client.read_many";
    case CallKind::kScan:
      return "client.scan";
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> WorkloadOptions::AllKeys() const {
  std::vector<std::string> keys = registers;
  keys.insert(keys.end(), counters.begin(), counters.end());
  keys.insert(keys.end(), lists.begin(), lists.end());
  for (const KeyGroup& group : groups) {
    const std::vector<std::string> of_group = group.Keys();
    keys.insert(keys.end(), of_group.begin(), of_group.end());
  }
  return keys;
}

SimClientWorker::SimClientWorker(const Surroundings& surroundings, Random random)
    : surroundings_(surroundings), random_(random), process_(surroundings.next_process++) {}

void SimClientWorker::Next() {
  if (stopped_ && scan_.has_value()) EndScan(false);
  if (!stopped_) {
    resting_ = false;
    return scan_.has_value() ? NextPage() : Draw();
  }
  if (demands_.empty()) {
    resting_ = true;
    return;
  }
  const Demand& demand = demands_.front();
  demand.write ? Write(demand.key) : Read(demand.key, ReadLevel::kLinearizable);
}

void SimClientWorker::DoAll(std::vector<Demand> demands) {
  demands_.assign(demands.begin(), demands.end());
  resting_ = false;
  Rest();
}

void SimClientWorker::Rest() {
  const Duration time = random_.Exponential(surroundings_.options.think_mean);
  surroundings_.executor.PostAt(surroundings_.clock.Now() + time, [this] { Next(); });
}

void SimClientWorker::Draw() {
  const WorkloadOptions& options = surroundings_.options;
  const uint64_t draw = random_.Below(100);
  if (draw < 30) return DrawRegisterCall(random_.Pick(options.registers));
  if (draw < 42) {
    const std::string& key = random_.Pick(options.counters);
    return random_.Chance(1, 4) ? Read(key, ReadLevel::kLinearizable) : Increment(key);
  }
  if (draw < 52) {
    const std::string& key = random_.Pick(options.lists);
    return random_.Chance(1, 3) ? Read(key, ReadLevel::kLinearizable) : Append(key);
  }
  if (draw < 62) return Read(random_.Pick(options.AllKeys()), ReadLevel::kStale);
  if (draw < 66) return StartScan();
  const KeyGroup& group = random_.Pick(options.groups);
  if (draw < 78) return Batch(group);
  if (draw < 88) return Transact(group);
  if (draw < 91) return DeleteSomeRange();
  const ReadLevel level = random_.Chance(1, 4) ? ReadLevel::kStale : ReadLevel::kLinearizable;
  draw < 94 ? ReadSpread(level) : ReadMany(group, level);
}

void SimClientWorker::DrawRegisterCall(const std::string& key) {
  switch (random_.Below(6)) {
    case 0:
      return Read(key, ReadLevel::kLinearizable);
    case 1:
      return Delete(key);
    case 2:
    case 3:
      return Put(key);
    default:
      return CompareAndSwap(key);
  }
}

// As suits the key.
void SimClientWorker::Write(const std::string& key) {
  if (Contains(surroundings_.options.counters, key)) return Increment(key);
  if (Contains(surroundings_.options.lists, key)) return Append(key);
  Put(key);
}

void SimClientWorker::Read(const std::string& key, ReadLevel level) {
  BeginCall(CallKind::kSingle);
  AddOperation(key, OpKind::kRead).stale = level == ReadLevel::kStale;
  Execute(
      client::Get{key},
      [this](client::Result& result) {
        const auto& got = std::get<GetResult>(result);
        Operation& op = call_.operations.front();
        if (got.version != 0) op.value = got.value;
        op.version = got.version;
        op.lag = got.lag;
      },
      level);
}

void SimClientWorker::Put(const std::string& key) {
  BeginCall(CallKind::kSingle);
  Operation& op = AddOperation(key, OpKind::kWrite);
  op.argument = NewRegisterValue();
  Execute(client::Put{key, op.argument}, [this](client::Result& result) {
    call_.operations.front().version = std::get<PutResult>(result).version;
  });
}

void SimClientWorker::Delete(const std::string& key) {
  BeginCall(CallKind::kSingle);
  AddOperation(key, OpKind::kDelete);
  Execute(client::Delete{key}, [this](client::Result& result) {
    const auto& deleted = std::get<DeleteResult>(result);
    call_.operations.front().held = deleted.found;
    call_.operations.front().version = deleted.version;
  });
}

void SimClientWorker::CompareAndSwap(const std::string& key) {
  BeginCall(CallKind::kSingle);
  const Condition condition = ConditionOn(key);
  Operation& op = AddOperation(key, OpKind::kCas);
  op.argument = NewRegisterValue();
  if (seen_[key].has_value()) op.expected = seen_[key]->value;
  Execute(client::CompareAndSwap{condition, op.argument}, [this](client::Result& result) {
    auto& swap = std::get<CasResult>(result);
    Operation& done = call_.operations.front();
    done.held = swap.swapped;
    done.version = swap.version;
    done.saw = !swap.swapped;
    if (done.saw) done.value = std::move(swap.current);
  });
}

void SimClientWorker::Increment(const std::string& key) {
  BeginCall(CallKind::kSingle);
  Operation& op = AddOperation(key, OpKind::kIncrement);
  const auto delta = static_cast<int64_t>(random_.Between(1, 3));
  op.argument = std::to_string(delta);
  Execute(client::Increment{key, delta}, [this](client::Result& result) {
    const auto& sum = std::get<IncrementResult>(result);
    call_.operations.front().value = std::to_string(sum.value);
    call_.operations.front().version = sum.version;
  });
}

void SimClientWorker::Append(const std::string& key) {
  BeginCall(CallKind::kSingle);
  Operation& op = AddOperation(key, OpKind::kAppend);
  op.argument = NewValue();
  Execute(client::Append{key, op.argument}, [this](client::Result& result) {
    call_.operations.front().version = std::get<AppendResult>(result).version;
  });
}

// By value or by version: a value is written once, so that both say the same.
Condition SimClientWorker::ConditionOn(const std::string& key) {
  const std::optional<Seen>& seen = seen_[key];
  if (!seen.has_value()) return Condition::Absent(key);
  if (random_.Chance(1, 2)) return Condition::VersionIs(key, seen->version);
  return Condition::ValueIs(key, seen->value);
}

std::vector<Mutation> SimClientWorker::DrawGroupWrite(const KeyGroup& group) {
  if (random_.Chance(1, 6)) {
    return {Mutation::Delete(group.left()), Mutation::Delete(group.right())};
  }
  const std::string stamp = NewValue();
  std::vector<Mutation> mutations = {Mutation::Put(group.left(), stamp),
                                     Mutation::Put(group.right(), stamp)};
  if (random_.Chance(1, 3)) {
    mutations.push_back(Mutation::Increment(group.count()));
    mutations.push_back(Mutation::Append(group.log(), stamp));
  }
  random_.Shuffle(mutations);
  return mutations;
}

void SimClientWorker::AddMutations(const std::vector<Mutation>& mutations) {
  for (const Mutation& mutation : mutations) {
    switch (mutation.kind) {
      case Mutation::Kind::kPut:
        AddOperation(mutation.key, OpKind::kWrite).argument = mutation.value;
        break;
      case Mutation::Kind::kDelete:
        AddOperation(mutation.key, OpKind::kDelete);
        break;
      case Mutation::Kind::kIncrement:
        AddOperation(mutation.key, OpKind::kIncrement).argument = std::to_string(mutation.delta);
        break;
      case Mutation::Kind::kAppend:
        AddOperation(mutation.key, OpKind::kAppend).argument = mutation.value;
        break;
    }
  }
}

void SimClientWorker::FillMutations(const std::vector<MutationResult>& results) {
  if (results.size() != call_.operations.size()) {
    surroundings_.record.Fail("an atomic write is answered with another number of results");
    return;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    Operation& op = call_.operations[i];
    op.version = results[i].version;
    if (op.kind == OpKind::kIncrement) op.value = std::to_string(results[i].number);
    if (op.kind == OpKind::kDelete) op.held = !results[i].not_found;
  }
}

void SimClientWorker::Batch(const KeyGroup& group) {
  BeginCall(CallKind::kBatch).tag = group.tag;
  client::Batch batch{DrawGroupWrite(group)};
  AddMutations(batch.mutations);
  // What was just written there is no number: all of such a batch is refused.
  const bool puts = batch.mutations.front().kind != Mutation::Kind::kDelete;
  doomed_ = puts && random_.Chance(1, 8);
  if (doomed_) batch.mutations.push_back(Mutation::Increment(group.left()));
  Execute(std::move(batch),
          [this](client::Result& result) { FillMutations(std::get<BatchResult>(result).results); });
}

// If one twin is as it was seen last, write both; else, now and then, write both all the same.
void SimClientWorker::Transact(const KeyGroup& group) {
  BeginCall(CallKind::kTransaction).tag = group.tag;
  const std::string key = random_.Chance(1, 2) ? group.left() : group.right();
  Transaction transaction;
  transaction.If(ConditionOn(key));
  transaction.then = DrawGroupWrite(group);
  if (random_.Chance(1, 3)) transaction.otherwise = DrawGroupWrite(group);
  // Of an end that stays unknown, any part of either side may have happened.
  AddMutations(transaction.then);
  AddMutations(transaction.otherwise);
  std::optional<std::string> expected;
  if (seen_[key].has_value()) expected = seen_[key]->value;
  const Transaction sent = transaction;
  Execute(client::Txn{std::move(transaction)}, [this, sent, key, expected](client::Result& result) {
    const auto& done = std::get<TxnResult>(result);
    call_.operations.clear();
    call_.held = done.conditions_held;
    AddMutations(done.conditions_held ? sent.then : sent.otherwise);
    FillMutations(done.results);
    // The condition and the write of its key are one step; a write says more than what was not.
    for (Operation& op : call_.operations) {
      if (!call_.held || op.key != key || op.kind != OpKind::kWrite) continue;
      op.kind = OpKind::kCas;
      op.expected = expected;
    }
    if (!call_.held && call_.operations.empty()) {
      Operation& refused = AddOperation(key, OpKind::kCas);
      refused.expected = expected;
      refused.held = false;
    }
  });
}

void SimClientWorker::ReadMany(const KeyGroup& group, ReadLevel level) {
  BeginCall(CallKind::kReadMany).tag = group.tag;
  std::vector<std::string> keys = group.Keys();
  for (const std::string& key : keys) {
    Operation& op = AddOperation(key, OpKind::kRead);
    op.view = 1;
    op.stale = level == ReadLevel::kStale;
  }
  ExecuteReads(std::move(keys), level);
}

void SimClientWorker::ExecuteReads(std::vector<std::string> keys, ReadLevel level) {
  Execute(
      client::BatchGet{std::move(keys)},
      [this](client::Result& result) { FillReads(std::get<BatchGetResult>(result)); }, level);
}

void SimClientWorker::FillReads(const BatchGetResult& got) {
  if (got.entries.size() != call_.operations.size()) {
    surroundings_.record.Fail("a batch of gets is answered with another number of rows");
    return;
  }
  for (size_t i = 0; i < got.entries.size(); ++i) {
    Operation& op = call_.operations[i];
    op.lag = got.lag;
    if (!got.entries[i].has_value()) continue;
    op.value = got.entries[i]->value;
    op.version = got.entries[i]->version;
  }
  if (apart_) surroundings_.record.Mark("client.read_across_shards");
}

void SimClientWorker::ReadSpread(ReadLevel level) {
  BeginCall(CallKind::kReadMany);
  apart_ = true;
  std::vector<std::string> keys = surroundings_.options.AllKeys();
  random_.Shuffle(keys);
  keys.resize(random_.Between(2, keys.size()));
  for (const std::string& key : keys) {
    AddOperation(key, OpKind::kRead).stale = level == ReadLevel::kStale;
  }
  ExecuteReads(std::move(keys), level);
}

// Of registers: what grows would be judged by a slower search if it could shrink.
void SimClientWorker::DeleteSomeRange() {
  std::vector<std::string> keys = surroundings_.options.registers;
  std::sort(keys.begin(), keys.end());
  const size_t first = random_.Below(keys.size());
  const size_t end = random_.Between(first + 1, keys.size());
  KeyRange range;
  range.from = keys[first];
  range.to = end < keys.size() ? keys[end] : keys.back() + "~";
  BeginCall(CallKind::kBatch);
  apart_ = true;
  for (size_t i = first; i < end; ++i) AddOperation(keys[i], OpKind::kDelete).blind = true;
  Execute(client::DeleteRange{.range = range, .page_size = 0, .page_token = ""},
          [this](client::Result& result) {
            const auto& deleted = std::get<DeleteRangeResult>(result);
            if (!deleted.next_page_token.empty()) {
              surroundings_.record.Fail("a delete of a few keys is not done at once");
            }
            surroundings_.record.Mark("client.range_deleted");
          });
}

HistoryCall& SimClientWorker::BeginCall(CallKind kind) {
  call_ = HistoryCall();
  apart_ = false;
  doomed_ = false;
  call_.kind = kind;
  call_.process = process_;
  call_.invoked = surroundings_.world.now();
  busy_ = true;
  return call_;
}

Operation& SimClientWorker::AddOperation(const std::string& key, OpKind kind) {
  Operation& op = call_.operations.emplace_back();
  op.key = key;
  op.kind = kind;
  return op;
}

void SimClientWorker::Execute(client::Operation operation, Fill fill, ReadLevel level) {
  Send(std::move(operation), level,
       [this, fill = std::move(fill)](StatusOr<client::Result> result) {
         OnDone(std::move(result), fill);
       });
}

void SimClientWorker::Send(client::Operation operation, ReadLevel level,
                           std::function<void(StatusOr<client::Result>)> done) {
  client::Call call;
  call.operation = std::move(operation);
  call.level = level;
  call.deadline = surroundings_.clock.Now() + surroundings_.options.timeout;
  call.done = [this, deadline = call.deadline, done = std::move(done)](auto result) {
    const Duration late = surroundings_.clock.Now() - deadline;
    if (late > kLatenessMax) {
      surroundings_.record.Fail("a call ends " + std::to_string(late.count()) +
                                " ns after its deadline");
    }
    done(std::move(result));
  };
  surroundings_.core.Execute(std::move(call));
}

void SimClientWorker::OnDone(StatusOr<client::Result> result, const Fill& fill) {
  if (!result.ok()) {
    OnFailure(result.status());
    return;
  }
  fill(*result);
  Finish(OpFate::kOk);
}

void SimClientWorker::OnFailure(const Status& status) {
  RunRecord& record = surroundings_.record;
  record.Mark("client.error." + status.reason());
  if (record.tracing()) {
    record.Trace("process " + std::to_string(process_) + ": " + status.ToString());
  }
  const bool doomed = doomed_;
  const bool deserved = doomed && status.reason() == reason::kNotANumber;
  if (deserved) record.Mark("client.batch_refused");
  if (IsDefect(status) && !deserved) record.Fail("a client is told: " + status.ToString());
  if (status.reason() == reason::kSessionUnknown) record.Mark("client.session_lost");
  call_.error = std::string(ToString(status.code())) + " " + status.reason();
  // What happened for certain, but with which result nobody knows, may at least have happened; and
  // what cannot be carried out was not, also when nobody says so.
  const bool not_applied = doomed || status.outcome() == Outcome::kNotApplied;
  Finish(not_applied ? OpFate::kFail : OpFate::kInfo);
}

void SimClientWorker::Finish(OpFate fate) {
  call_.fate = fate;
  RunRecord& record = surroundings_.record;
  if (fate == OpFate::kOk) {
    record.Mark("client.ok");
    const bool stale = !call_.operations.empty() && call_.operations.front().stale;
    const char* mark = apart_ ? nullptr : MarkOf(call_.kind, stale);
    if (mark != nullptr) record.Mark(mark);
    NoteSeen();
    if (!demands_.empty()) demands_.pop_front();
  } else {
    record.Mark(fate == OpFate::kFail ? "client.fail" : "client.info");
  }
  Record();
  // Whose call never ends, does no other.
  if (fate == OpFate::kInfo) process_ = surroundings_.next_process++;
  Rest();
}

void SimClientWorker::Record() {
  call_.completed = surroundings_.world.now();
  for (Operation& op : call_.operations) {
    op.process = call_.process;
    op.fate = call_.fate;
    op.error = call_.error;
    if (call_.kind == CallKind::kScan) continue;  // each page has times of its own
    op.invoked = call_.invoked;
    op.completed = call_.completed;
  }
  if (apart_) {
    RecordApart();
  } else {
    surroundings_.history.Add(std::exchange(call_, {}));
  }
  busy_ = false;
}

// As single calls at the same time, by logical clients of their own.
void SimClientWorker::RecordApart() {
  for (Operation& op : call_.operations) {
    HistoryCall one = call_;
    one.kind = CallKind::kSingle;
    one.process = op.process = surroundings_.next_process++;
    one.operations = {std::move(op)};
    surroundings_.history.Add(std::move(one));
  }
}

// For conditions: what will most likely hold, unless somebody else comes in between.
void SimClientWorker::NoteSeen() {
  for (const Operation& op : call_.operations) {
    if (op.stale) continue;
    const bool writes = op.kind == OpKind::kWrite || (op.kind == OpKind::kCas && op.held);
    if (writes) {
      seen_[op.key] = Seen{op.argument, op.version};
    } else if (op.kind == OpKind::kDelete) {
      seen_[op.key].reset();
    } else if (op.kind == OpKind::kRead || op.saw) {
      seen_[op.key].reset();
      if (op.value.has_value()) seen_[op.key] = Seen{*op.value, op.version};
    }
  }
}

void SimClientWorker::Abandon() {
  if (!busy_) return;
  if (scan_.has_value()) return EndScan(false);
  const bool only_reads = std::all_of(call_.operations.begin(), call_.operations.end(),
                                      [](const Operation& op) { return op.kind == OpKind::kRead; });
  call_.fate = only_reads ? OpFate::kFail : OpFate::kInfo;
  call_.error = "the client died";
  Record();
}

std::string SimClientWorker::NewValue() {
  return std::to_string(process_) + "." + std::to_string(++values_) + ",";
}

std::string SimClientWorker::NewRegisterValue() {
  std::string value = NewValue();
  const uint64_t longest = surroundings_.options.long_value_bytes;
  if (longest > 0 && random_.Chance(1, 4)) value.append(random_.Below(longest), '-');
  return value;
}

}  // namespace flotilla::simulation

#include "tests/kv/random_commands.h"

#include <limits>
#include <utility>

namespace flotilla::kv {

Command RandomCommands::Next() {
  if (random_.Chance(1, 25)) return {.operation = OpenSession{}};
  if (clients_.empty() || random_.Chance(1, 4)) return {.operation = NextOperation()};
  return NextInSession(clients_[random_.Below(clients_.size())]);
}

Command RandomCommands::NextInSession(Client& client) {
  WriteIdentity identity{.session = client.session,
                         .acknowledged_below = client.acknowledged_below};
  if (random_.Chance(1, 40)) return {.identity = identity, .operation = KeepAlive{}};
  if (random_.Chance(1, 80)) return {.identity = identity, .operation = CloseSession{}};
  // A retry of anything there was, or the next write, with a gap now and then.
  if (random_.Chance(1, 3)) {
    identity.sequence = random_.Between(1, client.next_sequence);
    identity.acknowledged_below = random_.Below(identity.sequence + 1);
  } else {
    client.next_sequence += random_.Below(3);
    identity.sequence = client.next_sequence;
    ++client.next_sequence;
  }
  if (random_.Chance(1, 4)) client.acknowledged_below = random_.Below(client.next_sequence + 1);
  return {.identity = identity, .operation = NextOperation()};
}

Operation RandomCommands::NextOperation() {
  switch (random_.Below(7)) {
    case 0: {
      Condition condition = NextCondition();
      return CompareAndSwap{std::move(condition), NextValue()};
    }
    case 1: {
      DeleteRange range{.from = NextKey(), .to = random_.Chance(1, 2) ? NextKey() : ""};
      range.limit = static_cast<uint32_t>(random_.Below(4));
      range.shard_version = random_.Below(3);
      return range;
    }
    case 2: {
      one_slot_ = !random_.Chance(1, 10);
      Batch batch;
      for (uint64_t i = random_.Below(5); i > 0; --i) batch.operations.push_back(NextSimple());
      one_slot_ = false;
      return batch;
    }
    case 3: {
      one_slot_ = !random_.Chance(1, 10);
      Txn txn;
      for (uint64_t i = random_.Below(3); i > 0; --i) txn.conditions.push_back(NextCondition());
      for (uint64_t i = random_.Below(3); i > 0; --i) txn.then.push_back(NextSimple());
      for (uint64_t i = random_.Below(3); i > 0; --i) txn.otherwise.push_back(NextSimple());
      one_slot_ = false;
      return txn;
    }
    default:
      return std::visit([](auto simple) -> Operation { return simple; }, NextSimple());
  }
}

SimpleOperation RandomCommands::NextSimple() {
  switch (random_.Below(4)) {
    case 0: {
      std::string key = NextKey();
      return Put{std::move(key), NextValue()};
    }
    case 1:
      return Delete{NextKey()};
    case 2: {
      std::string key = NextKey();
      return Append{std::move(key), NextValue()};
    }
    default: {
      constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
      const std::vector<int64_t> deltas = {1, -1, 1000, kMax, -kMax - 1};
      std::string key = NextKey();
      return Increment{std::move(key), random_.Pick(deltas)};
    }
  }
}

Condition RandomCommands::NextCondition() {
  Condition condition;
  condition.kind = static_cast<Condition::Kind>(random_.Between(1, 4));
  condition.key = NextKey();
  if (condition.kind == Condition::Kind::kVersion) condition.version = random_.Below(50);
  if (condition.kind == Condition::Kind::kValue) condition.value = NextValue();
  return condition;
}

std::string RandomCommands::NextKey() {
  if (random_.Chance(1, 200)) return "";
  const std::vector<std::string> tagged = {"{t}a", "{t}b", "{t}c", "{t}", "{t}bb"};
  if (one_slot_ || random_.Chance(1, 2)) return random_.Pick(tagged);
  const std::vector<std::string> others = {"a", "b", "c", "d", "foo", "bar", "\xff\xff"};
  return random_.Pick(others);
}

std::string RandomCommands::NextValue() {
  const std::vector<std::string> values = {"", "0", "1", "-7", "9223372036854775807", "x", "007"};
  if (random_.Chance(1, 10)) return std::string(random_.Below(40), 'v');
  return random_.Pick(values);
}

void RandomCommands::Learn(const CommandResult& result) {
  if (result.session_token.empty()) return;
  Client client;
  client.session = DecodeSessionToken(result.session_token).value();
  clients_.push_back(client);
}

}  // namespace flotilla::kv

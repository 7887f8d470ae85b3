#include "client/operation.h"

namespace flotilla::client {

namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// What each of many operations, conditions or keys takes in a message besides its bytes, at most.
constexpr size_t kFrame = 24;

const std::string* FirstKey(const std::vector<Mutation>& mutations) {
  return mutations.empty() ? nullptr : &mutations.front().key;
}

size_t BytesOf(const std::vector<Mutation>& mutations) {
  size_t bytes = 0;
  for (const Mutation& mutation : mutations) {
    bytes += kFrame + mutation.key.size() + mutation.value.size();
  }
  return bytes;
}

size_t BytesOf(const Condition& condition) {
  return kFrame + condition.key.size() + condition.value.size();
}

size_t BytesOf(const Transaction& transaction) {
  size_t bytes = BytesOf(transaction.then) + BytesOf(transaction.otherwise);
  for (const Condition& condition : transaction.conditions) bytes += BytesOf(condition);
  return bytes;
}

size_t BytesOf(const BatchGet& get) {
  size_t bytes = 0;
  for (const std::string& key : get.keys) bytes += kFrame + key.size();
  return bytes;
}

}  // namespace

bool IsWrite(const Operation& operation) {
  return std::visit(
      Overloaded{[](const Get&) { return false; }, [](const BatchGet&) { return false; },
                 [](const Scan&) { return false; }, [](const OpenSession&) { return false; },
                 [](const auto&) { return true; }},
      operation);
}

const std::string* RoutingKey(const Operation& operation) {
  using Key = const std::string*;
  return std::visit(Overloaded{[](const BatchGet& get) -> Key {
                                 return get.keys.empty() ? nullptr : &get.keys.front();
                               },
                               [](const Scan&) -> Key { return nullptr; },
                               [](const DeleteRange&) -> Key { return nullptr; },
                               [](const OpenSession&) -> Key { return nullptr; },
                               [](const CompareAndSwap& cas) -> Key { return &cas.condition.key; },
                               [](const Batch& batch) -> Key { return FirstKey(batch.mutations); },
                               [](const Txn& txn) -> Key {
                                 const Transaction& transaction = txn.transaction;
                                 if (!transaction.conditions.empty())
                                   return &transaction.conditions.front().key;
                                 const Key then = FirstKey(transaction.then);
                                 return then != nullptr ? then : FirstKey(transaction.otherwise);
                               },
                               [](const auto& single) -> Key { return &single.key; }},
                    operation);
}

size_t PayloadBytes(const Operation& operation) {
  return std::visit(
      Overloaded{
          [](const Get& get) { return get.key.size(); },
          [](const BatchGet& get) { return BytesOf(get); },
          [](const Scan& scan) { return scan.range.from.size() + scan.range.to.size(); },
          [](const Delete& del) { return del.key.size(); },
          [](const Increment& increment) { return increment.key.size(); },
          [](const CompareAndSwap& cas) { return BytesOf(cas.condition) + cas.value.size(); },
          [](const DeleteRange& range) { return range.range.from.size() + range.range.to.size(); },
          [](const Batch& batch) { return BytesOf(batch.mutations); },
          [](const Txn& txn) { return BytesOf(txn.transaction); },
          [](const OpenSession&) { return size_t{0}; },
          [](const auto& write) { return write.key.size() + write.value.size(); }},
      operation);
}

}  // namespace flotilla::client

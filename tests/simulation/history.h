// What clients did and saw. A call is what a client asked for at once; it consists of operations on
// one key each, which is what most checkers judge.
#ifndef FLOTILLA_TESTS_SIMULATION_HISTORY_H_
#define FLOTILLA_TESTS_SIMULATION_HISTORY_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace flotilla::simulation {

enum class OpKind : uint8_t { kRead, kWrite, kDelete, kCas, kIncrement, kAppend };

// What the client knows when the operation is over.
enum class OpFate : uint8_t {
  kOk,    // it happened, with this result
  kFail,  // it did not happen
  kInfo,  // nobody knows: it may happen at any later time, or never
};

struct Operation {
  uint32_t process = 0;  // the logical client; does one call at a time
  std::string key;
  OpKind kind = OpKind::kRead;
  // Of kWrite, kAppend and kCas: what is written. Of kIncrement: the delta, as text.
  std::string argument;
  // Of kCas: what must be there; nullopt is absent.
  std::optional<std::string> expected;
  Duration invoked{};
  Duration completed{};  // of an info, when the client gave up
  OpFate fate = OpFate::kInfo;

  // With kOk. Of kRead: what was there. Of kIncrement: the new number. Of a kCas that did not hold
  // and saw why: what was there instead.
  std::optional<std::string> value;
  // Of kCas and kDelete: whether the condition held (the key was there).
  bool held = true;
  // Of kDelete: whether the key was there is not known.
  bool blind = false;
  bool saw = false;
  // Of the row that was written or read; 0 when absent or unknown.
  uint64_t version = 0;
  std::string error;  // with kFail and kInfo

  // A stale read: by the replica's word no more than `lag` behind, on its own clock.
  bool stale = false;
  Duration lag{};
  // Reads of one call with the same number are of one state; 0: nothing is known of that.
  uint32_t view = 0;
};

enum class CallKind : uint8_t { kSingle, kBatch, kTransaction, kReadMany, kScan };

struct HistoryCall {
  CallKind kind = CallKind::kSingle;
  uint32_t process = 0;
  Duration invoked{};
  Duration completed{};
  OpFate fate = OpFate::kInfo;
  std::string error;
  // One, except that a transaction or scan may have learned nothing about any key.
  std::vector<Operation> operations;

  // Of what shares a slot: the hash tag.
  std::string tag;
  // Of a transaction: whether its conditions held.
  bool held = true;
  // Of a scan: what it asked for and what came, in order. A scan that stopped early has the number
  // of its rows as its limit.
  std::string from;
  std::string to;
  bool reverse = false;
  std::optional<uint64_t> limit;
  std::vector<std::pair<std::string, std::string>> rows;
};

class History {
 public:
  void Add(HistoryCall call);

  // In the order of their ends.
  const std::vector<HistoryCall>& calls() const { return calls_; }
  // All operations, by key.
  const std::map<std::string, std::vector<Operation>>& keys() const { return keys_; }

 private:
  std::vector<HistoryCall> calls_;
  std::map<std::string, std::vector<Operation>> keys_;
};

// As JSON lines (the project's history format), for outside checkers. Transactions, which the
// format does not have, are named "txn": [f, key, value] for each operation that ran.
void WriteHistory(const History& history, uint64_t seed, std::FILE* out);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_HISTORY_H_

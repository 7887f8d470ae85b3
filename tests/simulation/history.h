// What clients did and saw, one operation on one key each: what the checkers judge.
#ifndef FLOTILLA_TESTS_SIMULATION_HISTORY_H_
#define FLOTILLA_TESTS_SIMULATION_HISTORY_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
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
  uint32_t process = 0;  // the logical client; does one operation at a time
  std::string key;
  OpKind kind = OpKind::kRead;
  // Of kWrite, kAppend and kCas: what is written. Of kIncrement: the delta, as text.
  std::string argument;
  // Of kCas: what must be there; nullopt is absent.
  std::optional<std::string> expected;
  Duration invoked{};
  Duration completed{};  // of an info, when the client gave up
  OpFate fate = OpFate::kInfo;

  // With kOk. Of kRead: what was there. Of kIncrement: the new number.
  std::optional<std::string> value;
  // Of kCas and kDelete: whether the condition held (the key was there).
  bool held = true;
  // Of the row that was written or read; 0 when absent or unknown.
  uint64_t version = 0;
  std::string error;  // with kFail and kInfo
};

// Operations by key.
using History = std::map<std::string, std::vector<Operation>>;

// As JSON lines (the project's history format), for outside checkers.
void WriteHistory(const History& history, uint64_t seed, std::FILE* out);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_HISTORY_H_

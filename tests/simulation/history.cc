#include "tests/simulation/history.h"

#include <algorithm>
#include <sstream>

namespace flotilla::simulation {

namespace {

struct Line {
  Duration time;
  bool invoke = true;
  const Operation* operation = nullptr;
};

const char* NameOf(OpKind kind) {
  switch (kind) {
    case OpKind::kRead:
      return "read";
    case OpKind::kWrite:
      return "write";
    case OpKind::kDelete:
      return "delete";
    case OpKind::kCas:
      return "cas";
    case OpKind::kIncrement:
      return "increment";
    case OpKind::kAppend:
      return "append";
  }
  return "";
}

// Simulated keys and values are plain ASCII without quotes.
std::string Quoted(const std::optional<std::string>& text) {
  return text.has_value() ? '"' + *text + '"' : "null";
}

std::string ValueOf(const Line& line) {
  const Operation& op = *line.operation;
  if (!line.invoke && op.fate == OpFate::kOk &&
      (op.kind == OpKind::kRead || op.kind == OpKind::kIncrement)) {
    return op.kind == OpKind::kRead ? Quoted(op.value) : op.value.value_or("null");
  }
  if (op.kind == OpKind::kCas) return "[" + Quoted(op.expected) + "," + Quoted(op.argument) + "]";
  if (op.kind == OpKind::kIncrement) return op.argument;
  if (op.kind == OpKind::kRead || op.kind == OpKind::kDelete) return "null";
  return Quoted(op.argument);
}

const char* TypeOf(const Line& line) {
  if (line.invoke) return "invoke";
  const Operation& op = *line.operation;
  // A condition that did not hold changed nothing: the format calls that a failure.
  if (op.fate == OpFate::kOk) return op.kind == OpKind::kCas && !op.held ? "fail" : "ok";
  return op.fate == OpFate::kFail ? "fail" : "info";
}

}  // namespace

void WriteHistory(const History& history, uint64_t seed, std::FILE* out) {
  std::vector<Line> lines;
  for (const auto& [key, operations] : history) {
    for (const Operation& op : operations) {
      lines.push_back({.time = op.invoked, .invoke = true, .operation = &op});
      lines.push_back({.time = op.completed, .invoke = false, .operation = &op});
    }
  }
  // Of one instant, completions come first: that is the stricter history.
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.time != b.time ? a.time < b.time : a.invoke < b.invoke;
  });
  std::fprintf(out, "{\"format\":\"flotilla-history/1\",\"seed\":%llu,\"target\":\"simulation\"}\n",
               static_cast<unsigned long long>(seed));
  size_t index = 0;
  for (const Line& line : lines) {
    const Operation& op = *line.operation;
    std::ostringstream os;
    os << "{\"index\":" << index++ << ",\"time\":" << line.time.count()
       << ",\"process\":" << op.process << ",\"type\":\"" << TypeOf(line)
       << "\",\"workload\":\"register\",\"f\":\"" << NameOf(op.kind) << "\",\"key\":\"" << op.key
       << "\",\"value\":" << ValueOf(line);
    if (!line.invoke && op.version != 0) os << ",\"version\":" << op.version;
    if (!line.invoke && !op.error.empty()) os << ",\"error\":\"" << op.error << '"';
    os << '}';
    std::fprintf(out, "%s\n", os.str().c_str());
  }
}

}  // namespace flotilla::simulation

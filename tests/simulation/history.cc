#include "tests/simulation/history.h"

#include <algorithm>
#include <functional>
#include <sstream>

namespace flotilla::simulation {

namespace {

struct Line {
  Duration time;
  bool invoke = true;
  const HistoryCall* call = nullptr;
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

const char* NameOf(const HistoryCall& call) {
  switch (call.kind) {
    case CallKind::kSingle:
      return NameOf(call.operations.front().kind);
    case CallKind::kBatch:
      return "batch";
    case CallKind::kTransaction:
      return "txn";
    case CallKind::kReadMany:
      return "read-many";
    case CallKind::kScan:
      return "scan";
  }
  return "";
}

// Simulated keys and values are plain ASCII without quotes.
std::string Quoted(const std::optional<std::string>& text) {
  return text.has_value() ? '"' + *text + '"' : "null";
}

template <typename Items>
std::string Joined(const Items& items,
                   const std::function<std::string(const typename Items::value_type&)>& text) {
  std::string joined;
  for (const auto& item : items) {
    if (!joined.empty()) joined += ',';
    joined += text(item);
  }
  return joined;
}

std::string ArgumentOf(const Operation& op) {
  if (op.kind == OpKind::kCas) return "[" + Quoted(op.expected) + "," + Quoted(op.argument) + "]";
  if (op.kind == OpKind::kIncrement) return op.argument;
  if (op.kind == OpKind::kRead || op.kind == OpKind::kDelete) return "null";
  return Quoted(op.argument);
}

std::string ResultOf(const Operation& op) {
  if (op.kind == OpKind::kRead) return Quoted(op.value);
  if (op.kind == OpKind::kIncrement) return op.value.value_or("null");
  return ArgumentOf(op);
}

std::string ValueOf(const HistoryCall& call, bool answered) {
  switch (call.kind) {
    case CallKind::kSingle:
      return answered ? ResultOf(call.operations.front()) : ArgumentOf(call.operations.front());
    case CallKind::kBatch:
    case CallKind::kTransaction:
      return "[" +
             Joined(call.operations,
                    [answered](const Operation& op) {
                      return std::string("[\"") + NameOf(op.kind) + "\"," + Quoted(op.key) + "," +
                             (answered ? ResultOf(op) : ArgumentOf(op)) + "]";
                    }) +
             "]";
    case CallKind::kReadMany:
      return "{" +
             Joined(call.operations,
                    [answered](const Operation& op) {
                      return Quoted(op.key) + ":" + (answered ? Quoted(op.value) : "null");
                    }) +
             "}";
    case CallKind::kScan:
      break;
  }
  if (answered) {
    return "[" +
           Joined(call.rows,
                  [](const auto& row) {
                    return "[" + Quoted(row.first) + "," + Quoted(row.second) + "]";
                  }) +
           "]";
  }
  const std::string limit = call.limit.has_value() ? std::to_string(*call.limit) : "null";
  return R"({"from":)" + Quoted(call.from) + R"(,"to":)" + Quoted(call.to) + R"(,"limit":)" +
         limit + (call.reverse ? R"(,"reverse":true})" : "}");
}

// What did not happen because of what was there: the format calls that a failure.
bool IsMismatch(const HistoryCall& call) {
  if (call.fate != OpFate::kOk) return false;
  if (call.kind == CallKind::kTransaction) return !call.held && call.operations.size() <= 1;
  return call.kind == CallKind::kSingle && call.operations.front().kind == OpKind::kCas &&
         !call.operations.front().held;
}

const char* TypeOf(const Line& line) {
  if (line.invoke) return "invoke";
  if (line.call->fate == OpFate::kInfo) return "info";
  return line.call->fate == OpFate::kFail || IsMismatch(*line.call) ? "fail" : "ok";
}

// What only some lines have.
std::string ExtrasOf(const Line& line) {
  std::ostringstream os;
  const HistoryCall& call = *line.call;
  const Operation* first = call.operations.empty() ? nullptr : &call.operations.front();
  if (call.kind == CallKind::kSingle) {
    os << ",\"key\":" << Quoted(first->key);
  } else if (call.kind != CallKind::kScan) {
    os << ",\"key\":" << Quoted(call.tag);
  }
  const bool stale = first != nullptr && first->stale;
  if (stale) os << R"(,"read":"stale")";
  if (line.invoke) return os.str();
  if (stale && call.fate == OpFate::kOk) {
    os << ",\"staleness_ms\":" << std::chrono::ceil<std::chrono::milliseconds>(first->lag).count();
  }
  if (call.kind == CallKind::kSingle && first->version != 0)
    os << ",\"version\":" << first->version;
  const std::string error = IsMismatch(call) ? "MISMATCH" : call.error;
  if (!error.empty()) os << ",\"error\":" << Quoted(error);
  return os.str();
}

}  // namespace

void History::Add(HistoryCall call) {
  for (const Operation& operation : call.operations) keys_[operation.key].push_back(operation);
  calls_.push_back(std::move(call));
}

void WriteHistory(const History& history, uint64_t seed, std::FILE* out) {
  std::vector<Line> lines;
  for (const HistoryCall& call : history.calls()) {
    lines.push_back({.time = call.invoked, .invoke = true, .call = &call});
    lines.push_back({.time = call.completed, .invoke = false, .call = &call});
  }
  // Of one instant, completions come first, which is the stricter history; but none before its own
  // invocation.
  const auto rank = [](const Line& line) {
    if (line.invoke) return 1;
    return line.call->invoked == line.call->completed ? 2 : 0;
  };
  std::stable_sort(lines.begin(), lines.end(), [&rank](const Line& a, const Line& b) {
    return a.time != b.time ? a.time < b.time : rank(a) < rank(b);
  });
  std::fprintf(out, "{\"format\":\"flotilla-history/1\",\"seed\":%llu,\"target\":\"simulation\"}\n",
               static_cast<unsigned long long>(seed));
  size_t index = 0;
  for (const Line& line : lines) {
    const bool answered = !line.invoke && line.call->fate == OpFate::kOk && !IsMismatch(*line.call);
    std::ostringstream os;
    os << "{\"index\":" << index++ << ",\"time\":" << line.time.count()
       << ",\"process\":" << line.call->process << ",\"type\":\"" << TypeOf(line)
       << R"(","workload":"register","f":")" << NameOf(*line.call)
       << "\",\"value\":" << ValueOf(*line.call, answered) << ExtrasOf(line) << '}';
    std::fprintf(out, "%s\n", os.str().c_str());
  }
}

}  // namespace flotilla::simulation

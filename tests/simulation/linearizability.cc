#include "tests/simulation/linearizability.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace flotilla::simulation {

namespace {

using State = std::optional<std::string>;

std::string Describe(const Operation& op) {
  static constexpr const char* kNames[] = {"read", "write", "delete", "cas", "increment", "append"};
  std::ostringstream os;
  os << "process " << op.process << ' ' << kNames[static_cast<size_t>(op.kind)] << ' ' << op.key
     << ' ' << op.argument << " at [" << op.invoked.count() << ", " << op.completed.count()
     << "] ns -> " << (op.fate == OpFate::kInfo ? "unknown" : op.value.value_or("nothing"));
  if (op.version != 0) os << ", version " << op.version;
  return os.str();
}

std::optional<int64_t> ToNumber(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// What the operation makes of the state; nullopt when its result says that the state was another.
std::optional<State> Step(const State& state, const Operation& op) {
  const bool known = op.fate == OpFate::kOk;
  switch (op.kind) {
    case OpKind::kRead:
      if (known && op.value != state) return std::nullopt;
      return state;
    case OpKind::kWrite:
      return State(op.argument);
    case OpKind::kDelete:
      if (known && !op.blind && op.held != state.has_value()) return std::nullopt;
      return State();
    case OpKind::kCas: {
      const bool holds = state == op.expected;
      if (known && op.held != holds) return std::nullopt;
      if (known && op.saw && op.value != state) return std::nullopt;
      return holds ? State(op.argument) : state;
    }
    case OpKind::kIncrement: {
      const std::optional<int64_t> number = ToNumber(state.value_or("0"));
      if (!number.has_value()) return std::nullopt;
      const std::string sum = std::to_string(*number + ToNumber(op.argument).value_or(0));
      if (known && op.value != sum) return std::nullopt;
      return State(sum);
    }
    case OpKind::kAppend:
      return State(state.value_or("") + op.argument);
  }
  return std::nullopt;
}

// Stands for every value that nobody ever saw or asked about: which one it is makes no difference.
constexpr char kUnseen[] = "?";

bool HasKindsOnly(const std::vector<Operation>& operations, OpKind a, OpKind b) {
  return std::all_of(operations.begin(), operations.end(),
                     [a, b](const Operation& op) { return op.kind == a || op.kind == b; });
}

// Replaces what is written and never seen, so that states which differ in it alone are one.
void ForgetUnseenValues(std::vector<Operation>& operations) {
  std::set<std::string> seen;
  for (const Operation& op : operations) {
    if (op.fate == OpFate::kOk && op.value.has_value()) seen.insert(*op.value);
    if (op.expected.has_value()) seen.insert(*op.expected);
  }
  for (Operation& op : operations) {
    const bool sets = op.kind == OpKind::kWrite || op.kind == OpKind::kCas;
    if (sets && !seen.contains(op.argument)) op.argument = kUnseen;
  }
}

// For each operation whose end is unknown, the one before it that would do the same, if any: there
// is no reason to place the later one first.
std::vector<std::optional<uint32_t>> EarlierTwins(const std::vector<Operation>& operations) {
  std::vector<uint32_t> by_invocation;
  for (uint32_t i = 0; i < operations.size(); ++i) {
    if (operations[i].fate == OpFate::kInfo) by_invocation.push_back(i);
  }
  std::stable_sort(by_invocation.begin(), by_invocation.end(), [&](uint32_t a, uint32_t b) {
    return operations[a].invoked < operations[b].invoked;
  });
  std::map<std::tuple<OpKind, std::string, State>, uint32_t> latest;
  std::vector<std::optional<uint32_t>> twins(operations.size());
  for (const uint32_t i : by_invocation) {
    const Operation& op = operations[i];
    const auto [place, first] = latest.try_emplace({op.kind, op.argument, op.expected}, i);
    if (!first) twins[i] = std::exchange(place->second, i);
  }
  return twins;
}

// Of a state that only grows, how far it may have: what was read must still come.
class GrowthLimit {
 public:
  explicit GrowthLimit(const std::vector<Operation>& operations) {
    appends_ = HasKindsOnly(operations, OpKind::kRead, OpKind::kAppend);
    counts_ = HasKindsOnly(operations, OpKind::kRead, OpKind::kIncrement);
    for (uint32_t i = 0; i < operations.size(); ++i) {
      const Operation& op = operations[i];
      const int64_t delta = op.kind == OpKind::kIncrement ? ToNumber(op.argument).value_or(0) : 0;
      counts_ = counts_ && delta >= 0;
      if (op.fate != OpFate::kOk || op.kind == OpKind::kAppend) continue;
      const std::string value = op.value.value_or("");
      if (value.size() > longest_.size()) longest_ = value;
      needs_.emplace_back(ToNumber(value).value_or(0) - delta, i);
    }
    std::sort(needs_.begin(), needs_.end());
  }

  // Whether everything that is not placed may follow upon `state`.
  bool Allows(const State& state, const std::vector<bool>& placed) const {
    if (appends_) {
      const std::string_view text = *state;
      return text.starts_with(longest_) || std::string_view(longest_).starts_with(text);
    }
    if (!counts_) return true;
    const auto next = std::find_if(needs_.begin(), needs_.end(),
                                   [&](const auto& need) { return !placed[need.second]; });
    return next == needs_.end() || ToNumber(state.value_or("0")).value_or(0) <= next->first;
  }

 private:
  bool appends_ = false;
  bool counts_ = false;
  // Of a list: the most that was read.
  std::string longest_;
  // Of a counter: what it must be before an operation, in ascending order.
  std::vector<std::pair<int64_t, uint32_t>> needs_;
};

// The order that versions impose: a write before all that has seen a higher version, and before who
// has read its own.
class VersionOrder {
 public:
  explicit VersionOrder(const std::vector<Operation>& operations) : operations_(operations) {
    for (uint32_t i = 0; i < operations.size(); ++i) {
      if (operations[i].fate == OpFate::kOk && operations[i].version != 0) ranked_.push_back(i);
    }
    std::stable_sort(ranked_.begin(), ranked_.end(),
                     [this](uint32_t a, uint32_t b) { return Rank(a) < Rank(b); });
  }

  // How many operations from the first on are placed, of which `known` are known to be.
  size_t Placed(size_t known, const std::vector<bool>& placed) const {
    while (known < ranked_.size() && placed[ranked_[known]]) ++known;
    return known;
  }
  // Whether the operation may come next when that many are placed.
  bool Allows(uint32_t op, size_t placed) const {
    if (operations_[op].fate != OpFate::kOk || operations_[op].version == 0) return true;
    return placed == ranked_.size() || Rank(op) <= Rank(ranked_[placed]);
  }

 private:
  std::pair<uint64_t, bool> Rank(uint32_t op) const {
    const Operation& operation = operations_[op];
    const bool writes = operation.kind != OpKind::kRead && operation.held;
    return {operation.version, !writes};
  }

  const std::vector<Operation>& operations_;
  std::vector<uint32_t> ranked_;
};

// The search: a depth-first walk over the orders, with the events in time order in a linked list
// from which placed operations are taken out.
class Search {
 public:
  explicit Search(const std::vector<Operation>& operations)
      : operations_(Relevant(operations)),
        twins_(EarlierTwins(operations_)),
        limit_(operations_),
        versions_(operations_) {
    BuildEvents();
  }

  Judgement Run(uint64_t steps_max) {
    placed_.assign(operations_.size(), false);
    // An operation that is unknown need not be placed at all.
    size_t must_place = 0;
    for (const Operation& op : operations_) must_place += op.fate == OpFate::kOk ? 1 : 0;
    // What certainly happened is tried before what perhaps did, which is needed seldom.
    OpFate trying = OpFate::kOk;
    uint32_t event = next_[0];
    while (must_place > 0) {
      if (event != 0 && events_[event].is_call) {
        if (FateOf(event) == trying) {
          if (++steps_ > steps_max) return {.verdict = Verdict::kUnknown, .reason = "gave up"};
          if (TryPlace(event)) {
            must_place -= trying == OpFate::kOk ? 1 : 0;
            trying = OpFate::kOk;
            event = 0;
          }
        }
        event = next_[event];
        continue;
      }
      if (trying == OpFate::kOk) {
        trying = OpFate::kInfo;
        event = next_[0];
        continue;
      }
      // A completion was reached (or the end): what it completes must have been placed before.
      NoteStuck(event);
      if (path_.empty()) return Invalid();
      event = Undo();
      trying = FateOf(event);
      must_place += trying == OpFate::kOk ? 1 : 0;
      event = next_[event];
    }
    return {};
  }

 private:
  struct Event {
    Duration time{};
    bool is_call = true;
    uint32_t op = 0;
    uint32_t completion = 0;  // of a call; 0 when it never completes
  };
  struct Placed {
    uint32_t call = 0;
    State before;
    size_t versions_before = 0;
  };

  static std::vector<Operation> Relevant(const std::vector<Operation>& operations) {
    std::vector<Operation> relevant;
    for (const Operation& op : operations) {
      // Reads that failed or are unknown, and writes that did not happen, say nothing.
      if (op.fate == OpFate::kFail) continue;
      if (op.kind == OpKind::kRead && (op.fate != OpFate::kOk || op.stale)) continue;
      relevant.push_back(op);
    }
    ForgetUnseenValues(relevant);
    return relevant;
  }

  void BuildEvents() {
    events_.resize(1);
    for (uint32_t op = 0; op < operations_.size(); ++op) {
      events_.push_back({.time = operations_[op].invoked, .is_call = true, .op = op});
      if (operations_[op].fate != OpFate::kOk) continue;
      events_.push_back({.time = operations_[op].completed, .is_call = false, .op = op});
    }
    // Of one instant, calls first: nothing is ordered that may have been concurrent.
    std::stable_sort(events_.begin() + 1, events_.end(), [](const Event& a, const Event& b) {
      return a.time != b.time ? a.time < b.time : a.is_call > b.is_call;
    });
    std::vector<uint32_t> call_of(operations_.size());
    for (uint32_t i = 1; i < events_.size(); ++i) {
      if (events_[i].is_call) {
        call_of[events_[i].op] = i;
      } else {
        events_[call_of[events_[i].op]].completion = i;
      }
    }
    const auto size = static_cast<uint32_t>(events_.size());
    for (uint32_t i = 0; i < size; ++i) {
      next_.push_back((i + 1) % size);
      previous_.push_back((i + size - 1) % size);
    }
  }

  OpFate FateOf(uint32_t event) const { return operations_[events_[event].op].fate; }

  bool TryPlace(uint32_t call) {
    const uint32_t op = events_[call].op;
    if (twins_[op].has_value() && !placed_[*twins_[op]]) return false;
    if (!versions_.Allows(op, versions_placed_)) return false;
    std::optional<State> after = Step(state_, operations_[op]);
    if (!after.has_value()) return false;
    placed_[op] = true;
    const bool changes = operations_[op].kind != OpKind::kRead;
    if (changes && !limit_.Allows(*after, placed_)) {
      placed_[op] = false;
      return false;
    }
    if (!visited_.insert({placed_, *after}).second) {
      placed_[op] = false;
      return false;
    }
    path_.push_back({.call = call,
                     .before = std::exchange(state_, *std::move(after)),
                     .versions_before = versions_placed_});
    versions_placed_ = versions_.Placed(versions_placed_, placed_);
    TakeOut(call);
    if (events_[call].completion != 0) TakeOut(events_[call].completion);
    return true;
  }

  uint32_t Undo() {
    Placed last = std::move(path_.back());
    path_.pop_back();
    if (events_[last.call].completion != 0) PutBack(events_[last.call].completion);
    PutBack(last.call);
    placed_[events_[last.call].op] = false;
    state_ = std::move(last.before);
    versions_placed_ = last.versions_before;
    return last.call;
  }

  void TakeOut(uint32_t event) {
    next_[previous_[event]] = next_[event];
    previous_[next_[event]] = previous_[event];
  }
  void PutBack(uint32_t event) {
    next_[previous_[event]] = event;
    previous_[next_[event]] = event;
  }

  // The longest order found tells best where it went wrong.
  void NoteStuck(uint32_t event) {
    if (path_.size() < longest_ || event == 0) return;
    longest_ = path_.size();
    stuck_ = events_[event].op;
    stuck_state_ = state_;
  }

  Judgement Invalid() const {
    const Operation& op = operations_[stuck_];
    return {.verdict = Verdict::kInvalid,
            .reason = "no order places " + Describe(op) + "; the best one had then " +
                      stuck_state_.value_or("nothing")};
  }

  const std::vector<Operation> operations_;
  const std::vector<std::optional<uint32_t>> twins_;
  const GrowthLimit limit_;
  const VersionOrder versions_;
  // events_[0] is the list's anchor.
  std::vector<Event> events_;
  std::vector<uint32_t> next_;
  std::vector<uint32_t> previous_;

  State state_;
  std::vector<bool> placed_;
  size_t versions_placed_ = 0;  // in their order, from the first on
  std::vector<Placed> path_;
  absl::flat_hash_set<std::pair<std::vector<bool>, State>> visited_;
  uint64_t steps_ = 0;
  size_t longest_ = 0;
  uint32_t stuck_ = 0;
  State stuck_state_;
};

bool IsWrite(const Operation& op) {
  if (op.kind == OpKind::kRead) return false;
  return op.held;
}

Judgement Wrong(const std::string& what, const Operation& a, const Operation& b) {
  return {.verdict = Verdict::kInvalid,
          .reason = what + ": " + Describe(a) + " and " + Describe(b)};
}

}  // namespace

Judgement CheckLinearizable(const std::vector<Operation>& operations, uint64_t steps_max) {
  return Search(operations).Run(steps_max);
}

Judgement CheckVersions(const std::vector<Operation>& operations) {
  std::vector<const Operation*> known;
  std::map<uint64_t, const Operation*> writes;
  for (const Operation& op : operations) {
    if (op.fate != OpFate::kOk || op.version == 0) continue;
    known.push_back(&op);
    if (!IsWrite(op)) continue;
    const auto [other, added] = writes.emplace(op.version, &op);
    if (!added) return Wrong("two writes have one version", op, *other->second);
  }
  for (const Operation* op : known) {
    const auto write = writes.find(op->version);
    const bool reads = op->kind == OpKind::kRead || op->saw;
    if (!reads || write == writes.end()) continue;
    const Operation& written = *write->second;
    const bool plain = written.kind == OpKind::kWrite || written.kind == OpKind::kCas;
    if (plain && op->value != written.argument) {
      return Wrong("a version is read with another value", *op, written);
    }
  }
  // The highest version completed so far, against what is invoked next.
  std::erase_if(known, [](const Operation* op) { return op->stale; });
  std::vector<const Operation*> by_completion = known;
  std::sort(known.begin(), known.end(),
            [](const auto* a, const auto* b) { return a->invoked < b->invoked; });
  std::sort(by_completion.begin(), by_completion.end(),
            [](const auto* a, const auto* b) { return a->completed < b->completed; });
  const Operation* newest = nullptr;
  size_t completed = 0;
  for (const Operation* op : known) {
    for (; completed < by_completion.size() && by_completion[completed]->completed < op->invoked;
         ++completed) {
      const Operation* done = by_completion[completed];
      if (newest == nullptr || done->version > newest->version) newest = done;
    }
    if (newest != nullptr && op->version < newest->version) {
      return Wrong("a version goes back", *newest, *op);
    }
  }
  return {};
}

}  // namespace flotilla::simulation

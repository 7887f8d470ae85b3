#include "tests/simulation/history_checks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

namespace flotilla::simulation {

namespace {

// Every piece of a log ends with it (ClientWorker::NewValue).
constexpr char kPieceEnd = ',';

using View = std::map<std::string, std::optional<std::string>>;

std::string TextOf(const std::optional<std::string>& value) { return value.value_or("nothing"); }

Judgement Torn(const HistoryCall& call, const std::string& what) {
  std::ostringstream os;
  os << "process " << call.process << " at [" << call.invoked.count() << ", "
     << call.completed.count() << "] ns saw a part of an atomic write: " << what;
  return {.verdict = Verdict::kInvalid, .reason = os.str()};
}

Judgement CheckView(const KeyGroup& group, const HistoryCall& call, const View& view) {
  const auto left = view.find(group.left());
  const auto right = view.find(group.right());
  if (left != view.end() && right != view.end() && left->second != right->second) {
    return Torn(call, group.left() + " is " + TextOf(left->second) + " and " + group.right() +
                          " is " + TextOf(right->second));
  }
  const auto count = view.find(group.count());
  const auto log = view.find(group.log());
  if (count == view.end() || log == view.end()) return {};
  const std::string pieces = log->second.value_or("");
  const auto counted = std::count(pieces.begin(), pieces.end(), kPieceEnd);
  if (count->second.value_or("0") == std::to_string(counted)) return {};
  return Torn(call, group.count() + " is " + TextOf(count->second) + " and " + group.log() +
                        " has " + std::to_string(counted) + " pieces");
}

std::string Describe(const Operation& read) {
  std::ostringstream os;
  os << "stale read of " << read.key << " by process " << read.process << " at ["
     << read.invoked.count() << ", " << read.completed.count() << "] ns -> " << TextOf(read.value)
     << ", version " << read.version << ", lag " << read.lag.count() << " ns";
  return os.str();
}

// A state of the key must have been written, in one piece or, of a log, in several different ones.
bool WasWritten(const std::set<std::string>& arguments, const std::string& value) {
  if (arguments.contains(value)) return true;
  std::set<std::string> pieces;
  for (size_t begin = 0; begin < value.size();) {
    const size_t end = value.find(kPieceEnd, begin);
    if (end == std::string::npos) return false;
    std::string piece = value.substr(begin, end + 1 - begin);
    if (!arguments.contains(piece) || !pieces.insert(std::move(piece)).second) return false;
    begin = end + 1;
  }
  return true;
}

}  // namespace

Judgement CheckAtomicity(const KeyGroup& group, const History& history) {
  const std::string prefix = "{" + group.tag + "}";
  for (const HistoryCall& call : history.calls()) {
    if (call.fate != OpFate::kOk) continue;
    std::map<uint32_t, View> views;
    for (const Operation& op : call.operations) {
      const bool reads = op.kind == OpKind::kRead && op.view != 0;
      if (reads && op.key.starts_with(prefix)) views[op.view][op.key] = op.value;
    }
    for (const auto& [number, view] : views) {
      Judgement judgement = CheckView(group, call, view);
      if (judgement.verdict != Verdict::kValid) return judgement;
    }
  }
  return {};
}

Judgement CheckStaleReads(const std::vector<Operation>& operations) {
  std::set<std::string> arguments;
  bool counts = false;
  bool deleted = false;
  for (const Operation& op : operations) {
    if (op.kind == OpKind::kRead || op.fate == OpFate::kFail) continue;
    if (op.kind != OpKind::kDelete) arguments.insert(op.argument);
    counts = counts || op.kind == OpKind::kIncrement;
    deleted = deleted || op.kind == OpKind::kDelete;
  }
  for (const Operation& read : operations) {
    if (!read.stale || read.fate != OpFate::kOk) continue;
    if (read.value.has_value() && !counts && !WasWritten(arguments, *read.value)) {
      return {.verdict = Verdict::kInvalid, .reason = "nobody wrote this: " + Describe(read)};
    }
    // The replica answered after the invocation.
    const Duration fresh_at = read.invoked - read.lag - read.lag / 4;
    for (const Operation& op : operations) {
      const bool known = op.fate == OpFate::kOk && !op.stale && op.version != 0;
      if (!known || op.completed >= fresh_at) continue;
      const bool behind = read.value.has_value() ? read.version < op.version : !deleted;
      if (behind) {
        return {.verdict = Verdict::kInvalid,
                .reason = Describe(read) + " misses version " + std::to_string(op.version) +
                          " of " + std::to_string(op.completed.count()) + " ns"};
      }
    }
  }
  return {};
}

}  // namespace flotilla::simulation

#include "tests/simulation/shrink.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>
#include <vector>

namespace flotilla::simulation {

namespace {

std::string WithoutNumbers(std::string_view text) {
  std::string rest;
  std::copy_if(text.begin(), text.end(), std::back_inserter(rest),
               [](unsigned char c) { return std::isdigit(c) == 0; });
  return rest;
}

class Shrinker {
 public:
  Shrinker(const RunSeed& run, uint64_t seed, std::FILE* progress)
      : run_(run), seed_(seed), progress_(progress) {}

  Shrunk Run() {
    result_.failure = FailureWithout({});
    if (result_.failure.empty()) return result_;
    std::vector<uint64_t> kept(result_.faults);
    for (uint64_t number = 0; number < kept.size(); ++number) kept[number] = number;
    // Ever smaller parts are left out, until leaving out any single fault makes the seed pass.
    for (size_t part = kept.size(); part > 0;) {
      const bool less = LeaveOutParts(kept, part);
      Say(kept.size());
      if (part > 1) {
        part = (part + 1) / 2;
      } else if (!less) {
        break;
      }
    }
    return result_;
  }

 private:
  // Tries to do without each run of `part` kept faults. Whether any could be left out.
  bool LeaveOutParts(std::vector<uint64_t>& kept, size_t part) {
    bool less = false;
    for (size_t begin = 0; begin < kept.size();) {
      const size_t end = std::min(begin + part, kept.size());
      std::set<uint64_t> skipped = result_.skipped;
      skipped.insert(kept.begin() + static_cast<ptrdiff_t>(begin),
                     kept.begin() + static_cast<ptrdiff_t>(end));
      if (!IsSameKind(FailureWithout(skipped), result_.failure)) {
        begin = end;
        continue;
      }
      result_.skipped = std::move(skipped);
      kept.erase(kept.begin() + static_cast<ptrdiff_t>(begin),
                 kept.begin() + static_cast<ptrdiff_t>(end));
      less = true;
    }
    return less;
  }

  // In a child, as it may abort.
  std::string FailureWithout(const std::set<uint64_t>& skipped) {
    ++result_.runs;
    const RunSeed with_skipped = [&](const RunRequest& request) {
      return run_({.seed = request.seed, .skipped_faults = skipped});
    };
    // An aborted run does not say how many faults it had.
    const SweepSummary summary =
        Sweep(with_skipped, {.first = seed_, .twice_one_in = UINT64_MAX, .quiet = true}, stdout);
    if (summary.failures.empty()) return "";
    if (result_.faults == 0) result_.faults = summary.faults > 0 ? summary.faults : kFaultsMax;
    return summary.failures.front().what;
  }

  void Say(size_t kept) {
    if (progress_ == nullptr) return;
    std::fprintf(progress_, "%llu runs: fails with %zu of %llu faults\n",
                 static_cast<unsigned long long>(result_.runs), kept,
                 static_cast<unsigned long long>(result_.faults));
    std::fflush(progress_);
  }

  static constexpr uint64_t kFaultsMax = 1'000;

  const RunSeed& run_;
  const uint64_t seed_;
  std::FILE* const progress_;
  Shrunk result_;
};

}  // namespace

Shrunk Shrink(const RunSeed& run, uint64_t seed, std::FILE* progress) {
  return Shrinker(run, seed, progress).Run();
}

bool IsSameKind(std::string_view a, std::string_view b) {
  return a.empty() == b.empty() && WithoutNumbers(a) == WithoutNumbers(b);
}

std::string EncodeNumbers(const std::set<uint64_t>& numbers) {
  std::string text;
  for (auto it = numbers.begin(); it != numbers.end();) {
    const uint64_t first = *it;
    uint64_t last = first;
    while (++it != numbers.end() && *it == last + 1) last = *it;
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (last != first) text += '-' + std::to_string(last);
  }
  return text;
}

bool DecodeNumbers(std::string_view text, std::set<uint64_t>& numbers) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    uint64_t first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc()) return false;
    uint64_t last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc() || last < first) return false;
    }
    for (uint64_t number = first; number <= last; ++number) numbers.insert(number);
    at = parsed.ptr;
    if (at != end && *at++ != ',') return false;
  }
  return true;
}

}  // namespace flotilla::simulation

#include "bench/scan_check.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "bench/call_window.h"

namespace flotilla::bench {

namespace {

constexpr std::string_view kPrefix = "scan/";
constexpr size_t kTags = 64;
constexpr size_t kRowsPerTag = 200;
constexpr size_t kOthersPerScan = 100;
constexpr size_t kInFlight = 1000;
constexpr std::chrono::seconds kPageTimeout{60};
// What a row that comes and goes adds to the key of its neighbour.
constexpr char kOther = '+';

std::string Padded(size_t number) {
  std::string digits = std::to_string(number);
  return std::string(6 - std::min<size_t>(6, digits.size()), '0') + digits;
}

}  // namespace

ScanCheck::ScanCheck(KvClient& client) : client_(client) {
  for (size_t tag = 0; tag < kTags; ++tag) {
    tags_.push_back(std::string(kPrefix) + "{" + Padded(tag) + "}/");
    for (size_t row = 0; row < kRowsPerTag; ++row) keys_.push_back(tags_.back() + Padded(row));
  }
}

Status ScanCheck::Prepare() {
  CallWindow window(kInFlight);
  for (const std::string& key : keys_) {
    window.Enter();
    (void)client_.PutAsync(key, "stays").then([&window](const StatusOr<PutResult>& put) {
      window.Leave(put.status());
    });
  }
  window.Drain();
  return window.failure();
}

void ScanCheck::ScanOnce() {
  WriteOthers();
  const std::string prefix = scans_ % 2 == 0 ? std::string(kPrefix) : random_.Pick(tags_);
  const std::string problem = Scan(prefix);
  ++scans_;
  if (problem.empty()) return;
  ++errors_;
  std::fprintf(stderr, "scan of %s: %s\n", prefix.c_str(), problem.c_str());
}

void ScanCheck::WriteOthers() {
  for (size_t i = 0; i < kOthersPerScan; ++i) {
    std::string key = random_.Pick(keys_) + kOther;
    // Whether these succeed does not matter: no scan must have them.
    if (random_.Chance(1, 2)) {
      (void)client_.PutAsync(std::move(key), "comes and goes");
    } else {
      (void)client_.DeleteAsync(std::move(key));
    }
  }
}

std::string ScanCheck::Scan(const std::string& prefix) {
  ScanOptions options;
  options.timeout = kPageTimeout;
  auto expected = std::lower_bound(keys_.begin(), keys_.end(), prefix);
  std::string last;
  for (const StatusOr<Entry>& entry : client_.Scan(KeyRange::Prefix(prefix), options)) {
    if (!entry.ok()) return entry.status().ToString();
    if (entry->key <= last) return entry->key + " behind " + last;
    last = entry->key;
    if (last.back() == kOther) continue;
    if (expected == keys_.end() || last != *expected) {
      return last + " where " + (expected == keys_.end() ? "the end" : *expected) + " should be";
    }
    ++expected;
  }
  const bool missed = expected != keys_.end() && expected->compare(0, prefix.size(), prefix) == 0;
  return missed ? "ends before " + *expected : "";
}

}  // namespace flotilla::bench

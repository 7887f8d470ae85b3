// Scans of a logical client: page after page, each a state of its own.
#include <algorithm>
#include <map>
#include <set>
#include <variant>

#include "tests/simulation/cluster/sim_client_worker.h"

namespace flotilla::simulation {

namespace {

constexpr uint32_t kFailuresMax = 3;

bool InRange(const KeyRange& range, const std::string& key) {
  return key >= range.from && (range.to.empty() || key < range.to);
}

}  // namespace

void SimClientWorker::StartScan() {
  BeginCall(CallKind::kScan);
  scan_ = Scan();
  Scan& scan = *scan_;
  if (random_.Chance(1, 2)) {
    const std::vector<std::string> keys = surroundings_.options.AllKeys();
    scan.range = {random_.Pick(keys), random_.Pick(keys)};
    if (scan.range.to < scan.range.from) std::swap(scan.range.from, scan.range.to);
    if (scan.range.to == scan.range.from) scan.range.to.clear();
  }
  scan.reverse = random_.Chance(1, 2);
  scan.page_size = static_cast<uint32_t>(random_.Between(1, 8));
  call_.from = scan.range.from;
  call_.to = scan.range.to;
  call_.reverse = scan.reverse;
  NextPage();
}

void SimClientWorker::NextPage() {
  Scan& scan = *scan_;
  busy_ = true;
  scan.page_invoked = surroundings_.world.now();
  client::Scan page;
  page.range = scan.range;
  page.reverse = scan.reverse;
  page.page_size = scan.page_size;
  page.page_token = scan.page_token;
  Send(std::move(page), ReadLevel::kLinearizable, [this](StatusOr<client::Result> result) {
    if (result.ok()) return OnPage(std::get<ScanPage>(*result));
    surroundings_.record.Mark("client.error." + result.status().reason());
    // The token is good for another try, at any time.
    if (++scan_->failures > kFailuresMax) EndScan(false);
    Rest();
  });
}

void SimClientWorker::OnPage(const ScanPage& page) {
  if (page.entries.size() > scan_->page_size) {
    surroundings_.record.Fail("a page of a scan has more rows than were asked for");
  }
  TakePage(page);
  if (surroundings_.record.failed()) return;
  if (page.next_page_token.empty()) EndScan(true);
  Rest();
}

// A read of each key that the page tells of, of those that are absent as well. Between two pages
// there may be keys that the first one passed and the second one does not begin with: those were
// absent in one of the two states, and only the token says in which.
void SimClientWorker::TakePage(const ScanPage& page) {
  Scan& scan = *scan_;
  std::map<std::string, const Entry*> rows;
  for (const Entry& row : page.entries) {
    if (!CheckRow(row)) return;
    rows[row.key] = &row;
  }
  const auto behind = [&scan](const std::string& key, const std::string& other) {
    return scan.reverse ? key < other : key > other;
  };
  const bool is_first = scan.pages == 0;
  ++scan.pages;
  for (const std::string& key : surroundings_.options.AllKeys()) {
    if (!InRange(scan.range, key)) continue;
    if (scan.last_key.has_value() && !behind(key, *scan.last_key)) continue;
    const bool goes_on = !page.next_page_token.empty();
    if (goes_on && (page.entries.empty() || behind(key, page.entries.back().key))) continue;
    const bool in_gap =
        !is_first && (page.entries.empty() || behind(page.entries.front().key, key));
    Operation& read = AddOperation(key, OpKind::kRead);
    read.view = in_gap ? 0 : scan.pages;
    read.invoked = in_gap ? scan.previous_page_invoked : scan.page_invoked;
    read.completed = surroundings_.world.now();
    if (const auto row = rows.find(key); row != rows.end()) {
      read.value = row->second->value;
      read.version = row->second->version;
    }
  }
  if (!page.entries.empty()) scan.last_key = page.entries.back().key;
  scan.page_token = page.next_page_token;
  scan.previous_page_invoked = scan.page_invoked;
}

// In order, in range, and nothing that nobody ever wrote.
bool SimClientWorker::CheckRow(const Entry& row) {
  const std::vector<std::string> keys = surroundings_.options.AllKeys();
  const auto& rows = call_.rows;
  const bool in_order =
      rows.empty() || (scan_->reverse ? row.key < rows.back().first : row.key > rows.back().first);
  const bool known = std::find(keys.begin(), keys.end(), row.key) != keys.end();
  if (!in_order || !known || !InRange(scan_->range, row.key)) {
    surroundings_.record.Fail("a scan from \"" + scan_->range.from + "\" to \"" + scan_->range.to +
                              "\" does not stay in order or range at " + row.key);
    return false;
  }
  call_.rows.emplace_back(row.key, row.value);
  return true;
}

void SimClientWorker::EndScan(bool complete) {
  RunRecord& record = surroundings_.record;
  if (complete && scan_->pages > 1) record.Mark("client.scan_resumed");
  // What came until here is what a limit of so many rows would have given.
  if (!complete) call_.limit = call_.rows.size();
  call_.fate = complete || !call_.rows.empty() ? OpFate::kOk : OpFate::kFail;
  if (call_.fate == OpFate::kFail) call_.error = "given up";
  record.Mark(call_.fate == OpFate::kOk ? "client.scan" : "client.fail");
  if (call_.fate == OpFate::kOk) record.Mark("client.ok");
  scan_.reset();
  Record();
}

}  // namespace flotilla::simulation

#include "client/spread_scan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "client/page_position.h"
#include "sharding/page_token.h"

namespace flotilla::client {
namespace {

// No server gives more at once.
constexpr sharding::PageLimits kPageMax{.rows = 1000, .bytes = 1 << 20};

sharding::PageLimits LimitsOf(const Scan& scan) {
  sharding::PageLimits limits = kPageMax;
  if (scan.page_size != 0) limits.rows = std::min<uint64_t>(limits.rows, scan.page_size);
  if (scan.limit != 0) limits.rows = std::min(limits.rows, scan.limit);
  return limits;
}

sharding::ScanBounds BoundsOf(const Scan& scan) {
  return {scan.range.from, scan.range.to, scan.reverse};
}

sharding::ScanMerge::ShardPage ToMerge(ShardPage page, const sharding::Arc& arc) {
  sharding::ScanMerge::ShardPage merged;
  merged.arc = arc;
  merged.rows.reserve(page.entries.size());
  for (Entry& entry : page.entries) {
    merged.rows.push_back({.key = std::move(entry.key),
                           .value = std::move(entry.value),
                           .version = entry.version,
                           .created_version = entry.created_version});
  }
  merged.count = page.count;
  if (!page.resume_key.empty()) merged.resume_key = std::move(page.resume_key);
  return merged;
}

}  // namespace

StatusOr<std::unique_ptr<SpreadCall>> SpreadScan::Of(Scan scan) {
  const StatusOr<uint32_t> fingerprint = ResumeAt(scan.page_token, scan.reverse, scan.range);
  if (!fingerprint.ok()) return fingerprint.status();
  return std::unique_ptr<SpreadCall>(new SpreadScan(std::move(scan), *fingerprint));
}

SpreadScan::SpreadScan(Scan scan, uint32_t fingerprint)
    : scan_(std::move(scan)),
      fingerprint_(fingerprint),
      limits_(LimitsOf(scan_)),
      merge_(BoundsOf(scan_), scan_.count_only, limits_) {}

std::vector<SpreadCall::Part> SpreadScan::NextParts(const RouteTable& routes) {
  asked_ = sharding::CutAlong(merge_.Missing(), ArcsOf(routes));
  asked_range_ = merge_.range();
  const sharding::PageLimits share =
      sharding::ShareOf(limits_, std::max(asked_.size(), routes.shards().size()));
  Scan part = scan_;
  part.range = {asked_range_.from, asked_range_.to};
  part.limit = 0;
  part.page_token.clear();
  part.page_size = static_cast<uint32_t>(share.rows);
  part.page_bytes = share.bytes;
  std::vector<Part> parts;
  parts.reserve(asked_.size());
  for (const sharding::Arc& slots : asked_) {
    part.slots = slots;
    parts.push_back({.operation = part, .slot = slots.first});
  }
  return parts;
}

Status SpreadScan::Take(size_t part, StatusOr<Result> answer) {
  if (!answer.ok()) return answer.status();
  auto& page = std::get<ShardPage>(*answer);
  if (!page.arc.has_value() || !page.arc->Contains(asked_[part].first)) {
    return Status(StatusCode::kInternal,
                  "the server does not say which slots its page of a scan is of", "INTERNAL");
  }
  lag_ = std::max(lag_, page.lag);
  const sharding::Arc arc = *page.arc;
  merge_.Take(asked_[part], asked_range_, ToMerge(std::move(page), arc));
  return Status();
}

Result SpreadScan::End() {
  sharding::ScanMerge::Page merged = merge_.Merge();
  ScanPage page;
  page.entries.reserve(merged.rows.size());
  for (sharding::ScanRow& row : merged.rows) {
    page.entries.push_back(
        {std::move(row.key), std::move(row.value), row.version, row.created_version});
  }
  page.count = merged.count;
  page.lag = lag_;
  if (merged.resume_key.has_value()) {
    page.next_page_token = sharding::EncodePageToken(fingerprint_, *merged.resume_key);
  }
  return page;
}

}  // namespace flotilla::client

// One page of a scan, merged of a page of every shard (sharding/scan_merge.h).
#ifndef FLOTILLA_CLIENT_SPREAD_SCAN_H_
#define FLOTILLA_CLIENT_SPREAD_SCAN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/spread_call.h"
#include "sharding/scan_merge.h"

namespace flotilla::client {

class SpreadScan final : public SpreadCall {
 public:
  // kInvalidArgument: the token is not of this range.
  static StatusOr<std::unique_ptr<SpreadCall>> Of(Scan scan);

  std::vector<Part> NextParts(const RouteTable& routes) override;
  Status Take(size_t part, StatusOr<Result> answer) override;
  Result End() override;

 private:
  SpreadScan(Scan scan, uint32_t fingerprint);

  const Scan scan_;  // of what is left of the range
  const uint32_t fingerprint_;
  const sharding::PageLimits limits_;
  sharding::ScanMerge merge_;
  std::chrono::milliseconds lag_{0};

  // The latest round.
  std::vector<sharding::Arc> asked_;
  sharding::ScanBounds asked_range_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SPREAD_SCAN_H_

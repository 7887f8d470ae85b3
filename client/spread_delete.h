// One page of a delete-range: every shard deletes a page of what it has in the range. Not atomic,
// neither in one shard beyond its page nor over several.
#ifndef FLOTILLA_CLIENT_SPREAD_DELETE_H_
#define FLOTILLA_CLIENT_SPREAD_DELETE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "client/spread_call.h"
#include "sharding/arc_cover.h"

namespace flotilla::client {

class SpreadDelete final : public SpreadCall {
 public:
  // kInvalidArgument: the token is not of this range.
  static StatusOr<std::unique_ptr<SpreadCall>> Of(DeleteRange range);

  std::vector<Part> NextParts(const RouteTable& routes) override;
  Status Take(size_t part, StatusOr<Result> answer) override;
  Result End() override;
  Status Failure(Status of_part) const override;

 private:
  SpreadDelete(DeleteRange range, uint32_t fingerprint);

  const uint32_t page_size_;
  const uint32_t fingerprint_;
  // As far as the page goes: where the first of the shards ended.
  KeyRange range_;
  bool ends_early_ = false;
  sharding::ArcCover cover_;
  uint64_t deleted_ = 0;
  bool any_unknown_ = false;  // a part may have done something, and nobody knows
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SPREAD_DELETE_H_

// A BatchGet of keys in several slots: one part for each shard, of one state of that shard.
#ifndef FLOTILLA_CLIENT_SPREAD_GET_H_
#define FLOTILLA_CLIENT_SPREAD_GET_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "client/spread_call.h"

namespace flotilla::client {

class SpreadGet final : public SpreadCall {
 public:
  // kInvalidArgument: too many keys.
  static StatusOr<std::unique_ptr<SpreadCall>> Of(BatchGet get);

  std::vector<Part> NextParts(const RouteTable& routes) override;
  Status Take(size_t part, StatusOr<Result> answer) override;
  Result End() override { return std::move(result_); }

 private:
  using Keys = std::vector<size_t>;  // by their place in the call

  explicit SpreadGet(BatchGet get);
  std::vector<Keys> Group(const RouteTable& routes) const;
  Part PartOf(const Keys& keys) const;

  const std::vector<std::string> keys_;
  BatchGetResult result_;
  Keys left_;
  // Where the map was wrong once: keys of one slot are of one shard whatever happens.
  bool slot_by_slot_ = false;
  std::vector<Keys> asked_;  // by part
};

}  // namespace flotilla::client

#endif  // FLOTILLA_CLIENT_SPREAD_GET_H_

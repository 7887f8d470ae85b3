// The pages of a scan whose caller names no shard: each is merged of a page of every shard, and
// needs replicas of all of them on this node. What the ring looks like it learns from the answers,
// so the first page asks one shard after the other and those that follow ask all at once.
#ifndef FLOTILLA_SERVER_MERGED_SCAN_H_
#define FLOTILLA_SERVER_MERGED_SCAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "kv/limits.h"
#include "sharding/scan_merge.h"

namespace flotilla::v1 {
class PipelineOperation;
class ReadState;
class ScanRequest;
class ScanResponse;
}  // namespace flotilla::v1

namespace flotilla::server {

class MergedScan {
 public:
  explicit MergedScan(const kv::Limits& limits);
  ~MergedScan();

  // Whether the caller leaves it to the node to find the shards.
  static bool Serves(const v1::ScanRequest& request);

  // `request` with the token and what is left of the limit. kInvalidArgument: the token is not of
  // this range.
  absl::Status BeginPage(const v1::ScanRequest& request);
  // What to ask of the node now, to be taken before it is called again; nothing: the page is
  // complete.
  std::vector<v1::PipelineOperation> Questions();
  // The answer to the question of this id.
  void Take(uint64_t id, v1::ScanResponse answer);
  void EndPage(v1::ScanResponse* page);

 private:
  v1::PipelineOperation Question(const sharding::Arc& slots) const;
  sharding::PageLimits LimitsOfPage() const;
  // How many shards there are; while not all are known, as many as if those were typical.
  size_t ShardsAbout() const;
  // After a split the new arcs replace what they overlap.
  void LearnArc(const sharding::Arc& arc);

  const kv::Limits limits_;
  std::vector<sharding::Arc> arcs_;  // of the shards, as far as they are known; ascending

  // Of the page.
  const std::unique_ptr<v1::ScanRequest> request_;
  std::optional<sharding::ScanMerge> merge_;
  std::vector<sharding::Arc> asked_;  // by id
  sharding::ScanBounds asked_range_;
  sharding::PageLimits share_;
  const std::unique_ptr<v1::ReadState> state_;
  size_t answers_ = 0;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_MERGED_SCAN_H_

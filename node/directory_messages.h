// What nodes tell the directory's leader, and what it answers. Layout: docs/formats.md.
#ifndef FLOTILLA_NODE_DIRECTORY_MESSAGES_H_
#define FLOTILLA_NODE_DIRECTORY_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/coding.h"
#include "base/ids.h"
#include "node/load_sample.h"
#include "node/transfer_meter.h"
#include "sharding/node_record.h"
#include "sharding/shard_map.h"

namespace flotilla::node {

// A shard, as the node that leads it sees it.
struct ShardReport {
  sharding::ShardClaim claim;
  // Learners that have all there is: they may become voters.
  std::vector<NodeId> caught_up;
  // How far each of them is.
  std::vector<LearnerProgress> learners;
  // Of the requests in the claim's counters; of none where no shard is to be split by load.
  LoadSample load_sample;

  friend bool operator==(const ShardReport&, const ShardReport&) = default;
};

// A node speaks for itself and for the shards that it leads, and asks for news.
struct DirectoryReport {
  sharding::NodeRecord self;
  // Of its copy of the shard map.
  uint64_t map_version = 0;
  std::vector<ShardReport> shards;

  friend bool operator==(const DirectoryReport&, const DirectoryReport&) = default;
};

// Whoever is asked says at least where the leader is, as far as it knows.
struct DirectoryUpdate {
  NodeId leader;
  // News, from the leader alone: what has changed since the asker's version, and all nodes.
  struct News {
    sharding::ShardMapDelta shards;
    std::vector<sharding::NodeRecord> nodes;

    friend bool operator==(const News&, const News&) = default;
  };
  std::optional<News> news;

  friend bool operator==(const DirectoryUpdate&, const DirectoryUpdate&) = default;
};

// Without what is sampled of the load, which is a list of its own behind it: a report that says
// nothing of that is what it always was.
void PutDirectoryReport(std::string& out, const DirectoryReport& report);
absl::StatusOr<DirectoryReport> TakeDirectoryReport(Decoder& in);
bool HasLoadSamples(const DirectoryReport& report);
void PutLoadSamples(std::string& out, const DirectoryReport& report);
void TakeLoadSamples(Decoder& in, DirectoryReport& report);
void PutDirectoryUpdate(std::string& out, const DirectoryUpdate& update);
absl::StatusOr<DirectoryUpdate> TakeDirectoryUpdate(Decoder& in);

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_DIRECTORY_MESSAGES_H_

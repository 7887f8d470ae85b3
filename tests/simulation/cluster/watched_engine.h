// An engine source that tells what state each of its engines is in: a hash over all rows, kept up
// to date write by write. Two replicas of a shard at the same index must have the same.
#ifndef FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_ENGINE_H_
#define FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "storage/engine.h"

namespace flotilla::simulation {

class WatchedEngineSource : public storage::EngineSource {
 public:
  // An engine came to stand at `index`. Opened is told after Open, and every write after it.
  struct Watcher {
    std::function<void(const std::string& folder, LogIndex index, uint64_t hash)> at;
    // An engine was told to go back, to the second index.
    std::function<void(const std::string& folder, LogIndex from, LogIndex to)> backwards;
  };

  WatchedEngineSource(std::unique_ptr<storage::EngineSource> source, Watcher watcher);

  absl::StatusOr<std::unique_ptr<storage::Engine>> Open(const std::string& folder,
                                                        std::string_view note,
                                                        bool create) override;
  absl::StatusOr<std::unique_ptr<storage::StateReader>> OpenReadOnly(
      const std::string& folder, std::string_view note) override;

 private:
  const std::unique_ptr<storage::EngineSource> source_;
  const Watcher watcher_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_CLUSTER_WATCHED_ENGINE_H_

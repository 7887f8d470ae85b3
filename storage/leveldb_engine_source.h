// Opens LevelDB engines that share one block cache, one bloom filter policy and one set of
// background threads.
#ifndef FLOTILLA_STORAGE_LEVELDB_ENGINE_SOURCE_H_
#define FLOTILLA_STORAGE_LEVELDB_ENGINE_SOURCE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/background_pool.h"
#include "base/clock.h"
#include "base/disk.h"
#include "leveldb/cache.h"
#include "leveldb/filter_policy.h"
#include "storage/engine.h"
#include "storage/leveldb_engine.h"

namespace flotilla::storage {

// Thread-safe. Outlives its engines.
class LevelDBEngineSource : public EngineSource {
 public:
  // `on_fatal` is called when a sync failed, from any thread, once per open database at most: the
  // process (or simulated node) must stop.
  LevelDBEngineSource(const LevelDBOptions& options, Disk& disk, Clock& clock, BackgroundPool& pool,
                      std::function<void(const absl::Status&)> on_fatal);
  ~LevelDBEngineSource() override;

  absl::StatusOr<std::unique_ptr<Engine>> Open(const std::string& folder, std::string_view note,
                                               bool create) override;
  absl::StatusOr<std::unique_ptr<Engine>> OpenCopy(const std::string& folder,
                                                   std::string_view note) override;
  absl::StatusOr<std::unique_ptr<StateReader>> OpenReadOnly(const std::string& folder,
                                                            std::string_view note) override;

 private:
  const LevelDBOptions options_;
  const std::function<void(const absl::Status&)> on_fatal_;
  const std::unique_ptr<leveldb::Cache> block_cache_;
  const std::unique_ptr<const leveldb::FilterPolicy> filter_policy_;
  const std::unique_ptr<leveldb::Logger> info_log_;
  const LevelDBOpener opener_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_ENGINE_SOURCE_H_

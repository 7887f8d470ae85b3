#include "storage/leveldb_engine_source.h"

#include <cstdarg>
#include <utility>

#include "base/status_macros.h"
#include "leveldb/env.h"
#include "storage/leveldb_reader.h"

namespace flotilla::storage {
namespace {

constexpr int kBloomBitsPerKey = 10;

// LevelDB would else open a file LOG in every folder.
class SilentLog : public leveldb::Logger {
 public:
  void Logv(const char*, std::va_list) override {}
};

leveldb::Options MakeOptions(const LevelDBOptions& options, leveldb::Cache* block_cache,
                             const leveldb::FilterPolicy* filter_policy,
                             leveldb::Logger* info_log) {
  leveldb::Options made;
  made.paranoid_checks = true;
  // A reused log or MANIFEST would break the proof of durability.
  made.reuse_logs = false;
  made.write_buffer_size = options.write_buffer_bytes;
  made.max_file_size = options.table_bytes;
  made.max_open_files = options.max_open_files;
  made.compression = leveldb::kNoCompression;
  made.block_cache = block_cache;
  made.filter_policy = filter_policy;
  made.info_log = info_log;
  return made;
}

}  // namespace

LevelDBEngineSource::LevelDBEngineSource(const LevelDBOptions& options, Disk& disk, Clock& clock,
                                         BackgroundPool& pool,
                                         std::function<void(const absl::Status&)> on_fatal)
    : options_(options),
      on_fatal_(std::move(on_fatal)),
      block_cache_(leveldb::NewLRUCache(options.block_cache_bytes)),
      filter_policy_(leveldb::NewBloomFilterPolicy(kBloomBitsPerKey)),
      info_log_(std::make_unique<SilentLog>()),
      opener_{.world = {disk, clock, pool, on_fatal_},
              .options = MakeOptions(options_, block_cache_.get(), filter_policy_.get(),
                                     info_log_.get())} {}

LevelDBEngineSource::~LevelDBEngineSource() = default;

absl::StatusOr<std::unique_ptr<Engine>> LevelDBEngineSource::Open(const std::string& folder,
                                                                  std::string_view note,
                                                                  bool create) {
  return LevelDBEngine::Open(options_, opener_, folder, note, create);
}

absl::StatusOr<std::unique_ptr<Engine>> LevelDBEngineSource::OpenCopy(const std::string& folder,
                                                                      std::string_view note) {
  return LevelDBEngine::Open(options_, opener_, folder, note, /*create=*/false, TableSizes::kKnown);
}

absl::StatusOr<std::unique_ptr<StateReader>> LevelDBEngineSource::OpenReadOnly(
    const std::string& folder, std::string_view note) {
  FLOTILLA_ASSIGN_OR_RETURN(
      std::shared_ptr<LevelDBDatabase> database,
      opener_.Open(folder, LevelDBEnv::Mode::kReadOnly, note, /*create=*/false, nullptr));
  return std::make_unique<LevelDBView>(std::move(database));
}

}  // namespace flotilla::storage

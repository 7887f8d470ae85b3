#include "tests/simulation/cluster/watched_engine.h"

#include <map>
#include <optional>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::simulation {

namespace {

// FNV-1a, once for the key with its length and once for the value.
uint64_t HashRow(std::string_view key, std::string_view value) {
  uint64_t hash = 0xcbf29ce484222325 ^ key.size();
  for (const std::string_view part : {key, value}) {
    for (const char byte : part) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
  }
  return hash ^ hash >> 29;
}

class WatchedEngine : public storage::Engine {
 public:
  WatchedEngine(std::unique_ptr<storage::Engine> engine, std::string folder,
                const WatchedEngineSource::Watcher& watcher)
      : engine_(std::move(engine)),
        folder_(std::move(folder)),
        watcher_(watcher),
        applied_(engine_->Durable().index) {
    const auto rows = engine_->NewIterator();
    for (rows->Seek(""); rows->Valid(); rows->Next()) hash_ += HashRow(rows->key(), rows->value());
    if (!applied_.is_none()) watcher_.at(folder_, applied_, hash_);
  }

  absl::Status Write(const storage::WriteBatch& batch, LogIndex applied) override {
    std::map<std::string_view, const std::optional<std::string>*> rows;
    for (const auto& operation : batch.operations()) rows[operation.key] = &operation.value;
    // Addition does not care in which order rows came to be as they are.
    uint64_t hash = hash_;
    for (const auto& [key, value] : rows) {
      FLOTILLA_ASSIGN_OR_RETURN(const std::optional<std::string> old, engine_->Get(key));
      if (old.has_value()) hash -= HashRow(key, *old);
      if (value->has_value()) hash += HashRow(key, **value);
    }
    FLOTILLA_RETURN_IF_ERROR(engine_->Write(batch, applied));
    if (applied < applied_) watcher_.backwards(folder_, applied_, applied);
    applied_ = applied;
    hash_ = hash;
    watcher_.at(folder_, applied_, hash_);
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return engine_->Get(key);
  }
  std::unique_ptr<storage::RowIterator> NewIterator() const override {
    return engine_->NewIterator();
  }
  absl::StatusOr<std::unique_ptr<storage::StateReader>> OpenView() const override {
    return engine_->OpenView();
  }
  absl::Status Flush() override { return engine_->Flush(); }
  void SetDurableListener(absl::AnyInvocable<void(storage::DurablePoint)> listener) override {
    engine_->SetDurableListener(std::move(listener));
  }
  storage::DurablePoint Durable() const override { return engine_->Durable(); }
  absl::StatusOr<std::string> Checkpoint(const std::string& folder) override {
    return engine_->Checkpoint(folder);
  }
  storage::EngineStats Stats() const override { return engine_->Stats(); }

 private:
  const std::unique_ptr<storage::Engine> engine_;
  const std::string folder_;
  const WatchedEngineSource::Watcher& watcher_;
  LogIndex applied_;
  uint64_t hash_ = 0;
};

}  // namespace

WatchedEngineSource::WatchedEngineSource(std::unique_ptr<storage::EngineSource> source,
                                         Watcher watcher)
    : source_(std::move(source)), watcher_(std::move(watcher)) {}

absl::StatusOr<std::unique_ptr<storage::Engine>> WatchedEngineSource::Open(
    const std::string& folder, std::string_view note, bool create) {
  FLOTILLA_ASSIGN_OR_RETURN(std::unique_ptr<storage::Engine> engine,
                            source_->Open(folder, note, create));
  return std::make_unique<WatchedEngine>(std::move(engine), folder, watcher_);
}

absl::StatusOr<std::unique_ptr<storage::StateReader>> WatchedEngineSource::OpenReadOnly(
    const std::string& folder, std::string_view note) {
  return source_->OpenReadOnly(folder, note);
}

}  // namespace flotilla::simulation

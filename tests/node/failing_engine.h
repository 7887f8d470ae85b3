// Engines that fail while they are told to, as LevelDB does when a background job has failed: what
// was told once to write and failed writes no more, and has to be opened again.
#ifndef FLOTILLA_TESTS_NODE_FAILING_ENGINE_H_
#define FLOTILLA_TESTS_NODE_FAILING_ENGINE_H_

#include <memory>
#include <string>
#include <utility>

#include "storage/engine.h"

namespace flotilla::node {

class FailingEngine : public storage::Engine {
 public:
  FailingEngine(std::unique_ptr<storage::Engine> engine, const absl::Status& error)
      : engine_(std::move(engine)), error_(error) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return engine_->Get(key);
  }
  std::unique_ptr<storage::RowIterator> NewIterator() const override {
    return engine_->NewIterator();
  }
  absl::Status Write(const storage::WriteBatch& batch, LogIndex applied) override {
    failure_.Update(error_);
    return failure_.ok() ? engine_->Write(batch, applied) : failure_;
  }
  absl::StatusOr<std::unique_ptr<storage::StateReader>> OpenView() const override {
    return engine_->OpenView();
  }
  absl::Status Flush() override {
    failure_.Update(error_);
    return failure_.ok() ? engine_->Flush() : failure_;
  }
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
  const absl::Status& error_;
  absl::Status failure_;
};

// Opens nothing, either, while `error` is not OK; it outlives the source and its engines.
class FailingEngineSource : public storage::EngineSource {
 public:
  FailingEngineSource(std::unique_ptr<storage::EngineSource> engines, const absl::Status& error)
      : engines_(std::move(engines)), error_(error) {}

  absl::StatusOr<std::unique_ptr<storage::Engine>> Open(const std::string& folder,
                                                        std::string_view note,
                                                        bool create) override {
    if (!error_.ok()) return error_;
    absl::StatusOr<std::unique_ptr<storage::Engine>> engine = engines_->Open(folder, note, create);
    if (!engine.ok()) return engine.status();
    return std::make_unique<FailingEngine>(*std::move(engine), error_);
  }
  absl::StatusOr<std::unique_ptr<storage::StateReader>> OpenReadOnly(
      const std::string& folder, std::string_view note) override {
    return engines_->OpenReadOnly(folder, note);
  }

 private:
  const std::unique_ptr<storage::EngineSource> engines_;
  const absl::Status& error_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_TESTS_NODE_FAILING_ENGINE_H_

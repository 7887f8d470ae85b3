// The state of a replica in a std::map: a StateReader to test the state machine on.
#ifndef FLOTILLA_TESTS_SUPPORT_MEMORY_STATE_H_
#define FLOTILLA_TESTS_SUPPORT_MEMORY_STATE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/engine.h"

namespace flotilla::tests {

class MemoryState final : public storage::StateReader {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;

  void Write(const storage::WriteBatch& batch) {
    for (const storage::WriteBatch::Operation& operation : batch.operations()) {
      if (operation.value.has_value()) {
        rows_[operation.key] = *operation.value;
      } else {
        rows_.erase(operation.key);
      }
    }
  }
  Rows& rows() { return rows_; }
  const Rows& rows() const { return rows_; }
  // How often Get was called.
  int gets() const { return gets_; }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    ++gets_;
    const auto row = rows_.find(key);
    if (row == rows_.end()) return std::nullopt;
    return row->second;
  }
  std::unique_ptr<storage::RowIterator> NewIterator() const override {
    return std::make_unique<Iterator>(rows_);
  }

 private:
  class Iterator final : public storage::RowIterator {
   public:
    explicit Iterator(const Rows& rows) : rows_(rows), at_(rows.end()) {}

    void Seek(std::string_view key) override { at_ = rows_.lower_bound(key); }
    void SeekForPrev(std::string_view key) override { StepBackFrom(rows_.upper_bound(key)); }
    void Next() override { ++at_; }
    void Prev() override { StepBackFrom(at_); }
    bool Valid() const override { return at_ != rows_.end(); }
    std::string_view key() const override { return at_->first; }
    std::string_view value() const override { return at_->second; }
    absl::Status status() const override { return absl::OkStatus(); }

   private:
    void StepBackFrom(Rows::const_iterator at) {
      at_ = at == rows_.begin() ? rows_.end() : std::prev(at);
    }

    const Rows& rows_;
    Rows::const_iterator at_;
  };

  Rows rows_;
  mutable int gets_ = 0;
};

}  // namespace flotilla::tests

#endif  // FLOTILLA_TESTS_SUPPORT_MEMORY_STATE_H_

#include "storage/map_rows.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flotilla::storage {

MapRows::Pin::Pin(MapRows& rows) : rows_(rows), batch_(rows.batch_) {
  rows_.pinned_.insert(batch_);
}

MapRows::~MapRows() {
  FLOTILLA_CHECK_MSG(pinned_.empty(), "views and iterators must go before their engine");
}

MapRows::Pin::~Pin() { rows_.Unpin(batch_); }

// Stands only on rows that its pin sees: those stay where they are while others come and go.
class MapRows::Iterator : public RowIterator {
 public:
  explicit Iterator(SharedPin pin)
      : pin_(std::move(pin)), rows_(pin_->rows_.rows_), at_(rows_.end()) {}

  void Seek(std::string_view key) override {
    at_ = rows_.lower_bound(key);
    SkipForward();
  }
  void SeekForPrev(std::string_view key) override {
    at_ = rows_.upper_bound(key);
    StepBack();
  }
  void Next() override {
    ++at_;
    SkipForward();
  }
  void Prev() override { StepBack(); }
  bool Valid() const override { return value_ != nullptr; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return *value_; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void SkipForward() {
    value_ = nullptr;
    for (; at_ != rows_.end(); ++at_) {
      value_ = VisibleAt(pin_->batch_, at_->second);
      if (value_ != nullptr) return;
    }
  }
  void StepBack() {
    value_ = nullptr;
    while (at_ != rows_.begin()) {
      --at_;
      value_ = VisibleAt(pin_->batch_, at_->second);
      if (value_ != nullptr) return;
    }
  }

  const SharedPin pin_;
  const Rows& rows_;
  Rows::const_iterator at_;
  const std::string* value_ = nullptr;
};

std::unique_ptr<RowIterator> MapRows::NewIterator(SharedPin pin) {
  return std::make_unique<Iterator>(std::move(pin));
}

const std::string* MapRows::VisibleAt(uint64_t batch, const Versions& versions) {
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (version->batch > batch) continue;
    return version->value.get();
  }
  return nullptr;
}

std::optional<std::string> MapRows::GetAt(uint64_t batch, std::string_view key) const {
  const auto row = rows_.find(key);
  if (row == rows_.end()) return std::nullopt;
  const std::string* value = VisibleAt(batch, row->second);
  return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
}

void MapRows::Append(std::string key, std::string value) {
  FLOTILLA_CHECK(rows_.empty() || rows_.rbegin()->first < key);
  bytes_ += key.size() + value.size();
  Versions& versions = rows_.emplace_hint(rows_.end(), std::move(key), Versions())->second;
  versions.push_back({batch_, std::make_unique<const std::string>(std::move(value))});
}

void MapRows::Apply(const WriteBatch& batch) {
  ++batch_;
  for (const WriteBatch::Operation& operation : batch.operations()) Put(operation);
}

void MapRows::Put(const WriteBatch::Operation& operation) {
  const auto row = rows_.try_emplace(operation.key).first;
  Versions& versions = row->second;
  if (!versions.empty() && versions.back().value != nullptr) {
    bytes_ -= operation.key.size() + versions.back().value->size();
  }
  Version version{.batch = batch_, .value = nullptr};
  if (operation.value.has_value()) {
    bytes_ += operation.key.size() + operation.value->size();
    version.value = std::make_unique<const std::string>(*operation.value);
  }
  versions.push_back(std::move(version));
  if (Trim(versions)) {
    rows_.erase(row);
  } else if (versions.size() > 1) {
    untidy_.insert(operation.key);
  }
}

bool MapRows::Trim(Versions& versions) const {
  // A version is seen by the pins from its batch on, up to the next version's.
  size_t kept = 0;
  for (size_t i = 0; i + 1 < versions.size(); ++i) {
    const auto pin = pinned_.lower_bound(versions[i].batch);
    if (pin == pinned_.end() || *pin >= versions[i + 1].batch) continue;
    if (kept != i) versions[kept] = std::move(versions[i]);
    ++kept;
  }
  if (kept + 1 < versions.size()) {
    versions[kept] = std::move(versions.back());
    versions.resize(kept + 1);
  }
  return kept == 0 && versions.back().value == nullptr;
}

void MapRows::Unpin(uint64_t batch) {
  pinned_.erase(pinned_.find(batch));
  if (!pinned_.empty()) return;
  for (const std::string& key : untidy_) {
    const auto row = rows_.find(key);
    if (row != rows_.end() && Trim(row->second)) rows_.erase(row);
  }
  untidy_.clear();
}

}  // namespace flotilla::storage

#include "storage/leveldb_reader.h"

#include <utility>

#include "storage/leveldb_status.h"

namespace flotilla::storage {
namespace {

class LevelDBRowIterator : public RowIterator {
 public:
  LevelDBRowIterator(std::shared_ptr<LevelDBDatabase> database, const leveldb::Snapshot* snapshot)
      : database_(std::move(database)), it_(database_->db->NewIterator(LevelDBReading(snapshot))) {}

  void Seek(std::string_view key) override {
    // The first key after the engine's own row.
    static constexpr std::string_view kFirstKey("\0", 1);
    it_->Seek(ToSlice(key == kAppliedKey ? kFirstKey : key));
    Arrived();
  }
  void SeekForPrev(std::string_view key) override {
    it_->Seek(ToSlice(key));
    if (!it_->Valid()) {
      if (it_->status().ok()) it_->SeekToLast();
    } else if (ToView(it_->key()) != key) {
      it_->Prev();
    }
    Arrived();
  }
  void Next() override {
    it_->Next();
    Arrived();
  }
  void Prev() override {
    it_->Prev();
    Arrived();
  }
  bool Valid() const override { return valid_; }
  std::string_view key() const override { return ToView(it_->key()); }
  std::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override { return database_->Explain(it_->status()); }

 private:
  // LevelDB walks on past a damaged block and tells only in status(): stop there.
  void Arrived() {
    valid_ = it_->Valid() && ToView(it_->key()) != kAppliedKey && it_->status().ok();
    database_->pool.Settle();
  }

  const std::shared_ptr<LevelDBDatabase> database_;
  const std::unique_ptr<leveldb::Iterator> it_;
  bool valid_ = false;
};

class FailedRowIterator : public RowIterator {
 public:
  explicit FailedRowIterator(absl::Status status) : status_(std::move(status)) {}

  void Seek(std::string_view) override {}
  void SeekForPrev(std::string_view) override {}
  void Next() override {}
  void Prev() override {}
  bool Valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  absl::Status status() const override { return status_; }

 private:
  const absl::Status status_;
};

}  // namespace

std::unique_ptr<RowIterator> NewFailedRowIterator(absl::Status status) {
  return std::make_unique<FailedRowIterator>(std::move(status));
}

absl::StatusOr<std::optional<std::string>> GetRow(LevelDBDatabase& database,
                                                  const leveldb::Snapshot* snapshot,
                                                  std::string_view key) {
  if (key == kAppliedKey) return std::optional<std::string>();
  std::string value;
  const leveldb::Status found = database.db->Get(LevelDBReading(snapshot), ToSlice(key), &value);
  database.pool.Settle();
  if (found.IsNotFound()) return std::optional<std::string>();
  if (!found.ok()) return database.Explain(found);
  return std::optional<std::string>(std::move(value));
}

std::unique_ptr<RowIterator> NewRowIterator(std::shared_ptr<LevelDBDatabase> database,
                                            const leveldb::Snapshot* snapshot) {
  return std::make_unique<LevelDBRowIterator>(std::move(database), snapshot);
}

LevelDBView::LevelDBView(std::shared_ptr<LevelDBDatabase> database)
    : database_(std::move(database)), snapshot_(database_->db->GetSnapshot()) {}

LevelDBView::~LevelDBView() { database_->db->ReleaseSnapshot(snapshot_); }

absl::StatusOr<std::optional<std::string>> LevelDBView::Get(std::string_view key) const {
  return GetRow(*database_, snapshot_, key);
}

std::unique_ptr<RowIterator> LevelDBView::NewIterator() const {
  return NewRowIterator(database_, snapshot_);
}

}  // namespace flotilla::storage

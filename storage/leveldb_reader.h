// Reads rows of a LevelDB database, as of a snapshot or as of now, hiding the engine's own row.
#ifndef FLOTILLA_STORAGE_LEVELDB_READER_H_
#define FLOTILLA_STORAGE_LEVELDB_READER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "leveldb/db.h"
#include "storage/engine.h"
#include "storage/leveldb_database.h"

namespace flotilla::storage {

// The state as it was when the view was made. Thread-safe. Keeps the database open.
class LevelDBView : public StateReader {
 public:
  explicit LevelDBView(std::shared_ptr<LevelDBDatabase> database);
  ~LevelDBView() override;

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override;
  std::unique_ptr<RowIterator> NewIterator() const override;

 private:
  const std::shared_ptr<LevelDBDatabase> database_;
  const leveldb::Snapshot* const snapshot_;
};

// `snapshot` null: as of now.
absl::StatusOr<std::optional<std::string>> GetRow(LevelDBDatabase& database,
                                                  const leveldb::Snapshot* snapshot,
                                                  std::string_view key);
std::unique_ptr<RowIterator> NewRowIterator(std::shared_ptr<LevelDBDatabase> database,
                                            const leveldb::Snapshot* snapshot);
// Never valid; tells why.
std::unique_ptr<RowIterator> NewFailedRowIterator(absl::Status status);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LEVELDB_READER_H_

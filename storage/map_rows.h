// Rows in an ordered map that can be read as they were: every row keeps the versions that somebody
// still looks at. One thread.
#ifndef FLOTILLA_STORAGE_MAP_ROWS_H_
#define FLOTILLA_STORAGE_MAP_ROWS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine.h"

namespace flotilla::storage {

class MapRows {
 public:
  // Keeps the rows readable as they were when it was made. Must not outlive the rows.
  class Pin {
   public:
    explicit Pin(MapRows& rows);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    friend class MapRows;
    MapRows& rows_;
    const uint64_t batch_;
  };
  using SharedPin = std::shared_ptr<const Pin>;  // shared by a view and its iterators

  MapRows() = default;
  MapRows(const MapRows&) = delete;
  MapRows& operator=(const MapRows&) = delete;
  // No pin may be left.
  ~MapRows();

  void Apply(const WriteBatch& batch);
  // For loading. Precondition: keys ascend.
  void Append(std::string key, std::string value);

  SharedPin PinNow() { return std::make_shared<const Pin>(*this); }
  std::optional<std::string> Get(const Pin& pin, std::string_view key) const {
    return GetAt(pin.batch_, key);
  }
  std::optional<std::string> GetNow(std::string_view key) const { return GetAt(batch_, key); }
  static std::unique_ptr<RowIterator> NewIterator(SharedPin pin);

  // Bytes of the newest keys and values.
  uint64_t bytes() const { return bytes_; }

 private:
  class Iterator;
  struct Version {
    uint64_t batch;                            // the batch that wrote it
    std::unique_ptr<const std::string> value;  // null: deleted; stays where iterators see it
  };
  // Invariant: never empty, batches ascend, all but the last are visible to some pin.
  using Versions = std::vector<Version>;
  using Rows = std::map<std::string, Versions, std::less<>>;

  std::optional<std::string> GetAt(uint64_t batch, std::string_view key) const;
  static const std::string* VisibleAt(uint64_t batch, const Versions& versions);
  void Put(const WriteBatch::Operation& operation);
  // Forgets versions that no pin sees. True when nothing is left of the row.
  bool Trim(Versions& versions) const;
  void Unpin(uint64_t batch);

  Rows rows_;
  uint64_t batch_ = 0;
  uint64_t bytes_ = 0;
  std::multiset<uint64_t> pinned_;
  // Keys that had more than one version, or a deletion, when they were last written.
  std::set<std::string> untidy_;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_MAP_ROWS_H_

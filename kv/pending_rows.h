// The state as the commands before this one left it: what is on its way into the engine, in front
// of what is there. Layers stack: an atomic batch runs on a layer of its own, which is kept or
// dropped as a whole.
//
// A blind write costs nothing but its place in the batch: rows are indexed when one is first read.
// Then only the last write of each key is kept, so that a thousand appends to one row take the
// memory of one.
#ifndef FLOTILLA_KV_PENDING_ROWS_H_
#define FLOTILLA_KV_PENDING_ROWS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"

namespace flotilla::kv {

// What a command reads rows from.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // nullopt when there is no such row; kDataLoss.
  virtual absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const = 0;
};

class EngineRows final : public RowSource {
 public:
  explicit EngineRows(const storage::StateReader& state) : state_(state) {}
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const override {
    return state_.Get(key);
  }

 private:
  const storage::StateReader& state_;
};

class PendingRows final : public RowSource {
 public:
  // Both outlive it. Only this writes to `batch` while it lives.
  PendingRows(const RowSource& below, storage::WriteBatch& batch);
  PendingRows(const PendingRows&) = delete;
  PendingRows& operator=(const PendingRows&) = delete;

  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const override;
  void Put(std::string key, std::string value) { batch_.Put(std::move(key), std::move(value)); }
  void Delete(std::string key) { batch_.Delete(std::move(key)); }
  void Append(storage::WriteBatch later) { batch_.Append(std::move(later)); }

  // Calls `visit` with the rows of [from, to) in key order, those of `engine` as this layer changes
  // them, until it returns false. It must not write here. `engine` is the state below all layers.
  absl::Status Walk(
      const storage::StateReader& engine, const std::string& from, const std::string& to,
      absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit) const;

 private:
  // The index holds positions in the batch, one per key.
  struct KeyOf {
    using is_transparent = void;
    const storage::WriteBatch* batch;

    std::string_view operator()(std::string_view key) const { return key; }
    std::string_view operator()(size_t position) const { return batch->operations()[position].key; }
  };
  struct Hash : KeyOf {
    template <typename T>
    size_t operator()(const T& key) const {
      return absl::HashOf(KeyOf::operator()(key));
    }
  };
  struct Equal : KeyOf {
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return KeyOf::operator()(a) == KeyOf::operator()(b);
    }
  };

  void IndexNewRows() const;

  const RowSource& below_;
  storage::WriteBatch& batch_;
  // Of the first `indexed_` writes, no two of which are of one key.
  mutable absl::flat_hash_set<size_t, Hash, Equal> index_;
  mutable size_t indexed_ = 0;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_PENDING_ROWS_H_

#include "kv/pending_rows.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace flotilla::kv {

using storage::WriteBatch;

PendingRows::PendingRows(const RowSource& below, WriteBatch& batch)
    : below_(below), batch_(batch), index_(0, Hash{{&batch}}, Equal{{&batch}}) {}

void PendingRows::IndexNewRows() const {
  batch_.Merge(indexed_, [&](size_t position) { return *index_.insert(position).first; });
  indexed_ = batch_.operations().size();
}

absl::StatusOr<std::optional<std::string>> PendingRows::Get(const std::string& key) const {
  IndexNewRows();
  const auto at = index_.find(std::string_view(key));
  if (at == index_.end()) return below_.Get(key);
  return batch_.operations()[*at].value;
}

absl::Status PendingRows::Walk(
    const storage::StateReader& engine, const std::string& from, const std::string& to,
    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit) const {
  IndexNewRows();
  std::vector<const WriteBatch::Operation*> changes;
  // Sorted below, and no two have one key: order does not escape.
  for (const size_t position : index_) {
    const WriteBatch::Operation& change = batch_.operations()[position];
    if (from <= change.key && change.key < to) changes.push_back(&change);
  }
  std::sort(changes.begin(), changes.end(),
            [](const auto* a, const auto* b) { return a->key < b->key; });

  const std::unique_ptr<storage::RowIterator> rows = engine.NewIterator();
  rows->Seek(from);
  auto change = changes.begin();
  while (true) {
    const bool row_left = rows->Valid() && rows->key() < to;
    const bool change_left = change != changes.end();
    if (!row_left && !change_left) return rows->status();
    if (!change_left || (row_left && rows->key() < (*change)->key)) {
      if (!visit(rows->key(), rows->value())) return absl::OkStatus();
      rows->Next();
      continue;
    }
    // The change hides the row that it replaces or deletes.
    if (row_left && rows->key() == (*change)->key) rows->Next();
    if ((*change)->value.has_value() && !visit((*change)->key, *(*change)->value)) {
      return absl::OkStatus();
    }
    ++change;
  }
}

}  // namespace flotilla::kv

#include "kv/read.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "kv/rows.h"

namespace flotilla::kv {

namespace {

Row ToRow(std::string_view key, const DataRow& row) {
  return {.key = std::string(key),
          .value = std::string(row.value),
          .version = row.version,
          .created_version = row.created_version};
}

// Fills in the result of one read.
class Reader {
 public:
  Reader(const storage::StateReader& state, const AppliedState& as_of, uint32_t keyspace,
         ReadResult& result)
      : state_(state), as_of_(as_of), keyspace_(keyspace), result_(result) {}

  absl::Status operator()(const Get& get) {
    if (!Owns(get.key)) return WrongShard();
    FLOTILLA_ASSIGN_OR_RETURN(std::optional<Row> row, Find(get.key));
    if (row.has_value()) result_.rows.push_back(std::move(row));
    return absl::OkStatus();
  }

  absl::Status operator()(const BatchGet& get) {
    for (const std::string& key : get.keys) {
      if (!Owns(key)) return WrongShard();
      FLOTILLA_ASSIGN_OR_RETURN(std::optional<Row> row, Find(key));
      if (row.has_value()) bytes_ += key.size() + row->value.size();
      if (bytes_ > as_of_.limits.max_command_bytes) return TooLarge();
      result_.rows.push_back(std::move(row));
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const ScanPage& page) {
    if (page.shard_version != 0 && page.shard_version != as_of_.descriptor.version) {
      return WrongShard();
    }
    const sharding::Arc& arc = as_of_.descriptor.arc;
    if (page.slots.has_value() && !arc.Contains(page.slots->first)) return WrongShard();
    result_.arc = arc;
    const std::unique_ptr<storage::RowIterator> rows = state_.NewIterator();
    return page.reverse ? ScanDown(page, *rows) : ScanUp(page, *rows);
  }

 private:
  bool Owns(std::string_view key) const {
    const sharding::Arc& arc = as_of_.descriptor.arc;
    return arc.IsWholeRing() || arc.Contains(sharding::SlotOf(key));
  }

  static bool IsWanted(const ScanPage& page, std::string_view key) {
    return !page.slots.has_value() || page.slots->Contains(sharding::SlotOf(key));
  }

  absl::Status TooLarge() const {
    return absl::InvalidArgumentError(
        "the rows of a batch of gets are too large: more than the limit of " +
        std::to_string(as_of_.limits.max_command_bytes) + " bytes after " +
        std::to_string(result_.rows.size()) + " rows; ask for fewer keys at a time");
  }

  absl::Status WrongShard() {
    result_.rows.clear();
    result_.wrong_shard = true;
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Row>> Find(std::string_view key) const {
    FLOTILLA_ASSIGN_OR_RETURN(const std::optional<std::string> bytes,
                              state_.Get(DataRowKey(keyspace_, key)));
    if (!bytes.has_value()) return std::nullopt;
    FLOTILLA_ASSIGN_OR_RETURN(const DataRow row, DecodeDataRow(*bytes));
    return ToRow(key, row);
  }

  absl::Status ScanUp(const ScanPage& page, storage::RowIterator& rows) {
    const std::string end = End(page);
    for (rows.Seek(DataRowKey(keyspace_, page.from)); rows.Valid() && rows.key() < end;
         rows.Next()) {
      if (Full(page)) {
        result_.resume_key = std::string(UserKey(rows.key()));
        return absl::OkStatus();
      }
      FLOTILLA_RETURN_IF_ERROR(Take(page, rows));
    }
    return rows.status();
  }

  absl::Status ScanDown(const ScanPage& page, storage::RowIterator& rows) {
    const std::string begin = DataRowKey(keyspace_, page.from);
    const std::string end = End(page);
    std::string last_key;
    rows.SeekForPrev(end);
    if (rows.Valid() && rows.key() == end) rows.Prev();
    for (; rows.Valid() && rows.key() >= begin; rows.Prev()) {
      if (Full(page)) {
        result_.resume_key = std::move(last_key);
        return absl::OkStatus();
      }
      FLOTILLA_RETURN_IF_ERROR(Take(page, rows));
      last_key.assign(UserKey(rows.key()));
    }
    return rows.status();
  }

  std::string End(const ScanPage& page) const {
    return page.to.empty() ? DataRowsEnd(keyspace_) : DataRowKey(keyspace_, page.to);
  }

  bool Full(const ScanPage& page) const {
    if (visited_ >= kMaxRowsVisited) return true;
    if (page.count_only) return false;
    return result_.rows.size() >= std::min<size_t>(page.max_rows, as_of_.limits.max_page_rows) ||
           (bytes_ >= std::min<uint64_t>(page.max_bytes, as_of_.limits.max_page_bytes) &&
            !result_.rows.empty());
  }

  // Takes the row that the iterator stands on into the page, if the shard owns it.
  absl::Status Take(const ScanPage& page, const storage::RowIterator& rows) {
    ++visited_;
    const std::string_view key = UserKey(rows.key());
    if (!Owns(key) || !IsWanted(page, key)) return absl::OkStatus();
    if (page.count_only) {
      ++result_.count;
      return absl::OkStatus();
    }
    FLOTILLA_ASSIGN_OR_RETURN(DataRow row, DecodeDataRow(rows.value()));
    if (page.keys_only) row.value = {};
    bytes_ += key.size() + row.value.size();
    result_.rows.push_back(ToRow(key, row));
    return absl::OkStatus();
  }

  const storage::StateReader& state_;
  const AppliedState& as_of_;
  const uint32_t keyspace_;
  ReadResult& result_;
  uint64_t bytes_ = 0;    // in the answer
  uint32_t visited_ = 0;  // rows looked at
};

}  // namespace

absl::StatusOr<ReadResult> ExecuteRead(const storage::StateReader& state, const AppliedState& as_of,
                                       const ReadRequest& read) {
  FLOTILLA_RETURN_IF_ERROR(Validate(read, as_of.limits));
  ReadResult result;
  result.applied = as_of.index;
  result.revision = as_of.revision;
  result.shard_version = as_of.descriptor.version;
  FLOTILLA_RETURN_IF_ERROR(std::visit(Reader(state, as_of, read.keyspace, result), read.operation));
  return result;
}

}  // namespace flotilla::kv

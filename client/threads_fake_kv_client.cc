#include <algorithm>
#include <charconv>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "flotilla/testing/fake_kv_client.h"

namespace flotilla {
inline namespace client_v1 {
namespace testing {

namespace {

// The limits of a real cluster (docs/api.md).
constexpr size_t kMaxKeyBytes = 4 << 10;
constexpr size_t kMaxValueBytes = 1 << 20;
constexpr size_t kMaxOperations = 256;
constexpr size_t kMaxBatchGetKeys = 1000;
constexpr uint32_t kMaxPageSize = 1000;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message), reason::kInvalidRequest);
}

Status CheckKey(const std::string& key) {
  if (key.empty()) return Invalid("a key has at least one byte");
  if (key.size() <= kMaxKeyBytes) return Status();
  return Invalid("a key has at most " + std::to_string(kMaxKeyBytes) + " bytes, not " +
                 std::to_string(key.size()));
}

Status CheckValue(const std::string& value) {
  if (value.size() <= kMaxValueBytes) return Status();
  return Invalid("a value has at most " + std::to_string(kMaxValueBytes) + " bytes, not " +
                 std::to_string(value.size()));
}

// Keys and values within limits, and all keys in one hash slot.
class AtomicCheck {
 public:
  void Add(const std::string& key, const std::string& value) {
    if (status_.ok()) status_ = CheckKey(key);
    if (status_.ok()) status_ = CheckValue(value);
    if (!status_.ok()) return;
    const uint16_t slot = HashSlot(key);
    if (slot_.value_or(slot) != slot) {
      status_ = Invalid("all keys must share a hash slot: give them one {hash tag}");
    }
    slot_ = slot;
  }
  void Add(const std::vector<Mutation>& mutations) {
    operations_ += mutations.size();
    for (const Mutation& mutation : mutations) Add(mutation.key, mutation.value);
  }
  Status Finish() const {
    if (status_.ok() && operations_ > kMaxOperations) {
      return Invalid("at most " + std::to_string(kMaxOperations) + " operations, not " +
                     std::to_string(operations_));
    }
    return status_;
  }

 private:
  Status status_;
  std::optional<uint16_t> slot_;
  size_t operations_ = 0;
};

std::optional<int64_t> ParseNumber(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename T>
using Answer = Future<StatusOr<T>>;

}  // namespace

// The rows, and the errors that tests asked for.
class FakeKvClient::Store {
 public:
  struct Row {
    std::string value;
    uint64_t version = 0;
    uint64_t created_version = 0;
  };
  using Rows = std::map<std::string, Row>;

  void FailNext(Status error) {
    MutexLock lock(mu_);
    failures_.push_back(std::move(error));
  }

  // Runs `call` on the rows, unless it is to fail.
  template <typename T, typename F>
  Answer<T> Run(bool is_write, F call) {
    MutexLock lock(mu_);
    if (failures_.empty()) return MakeReadyFuture(StatusOr<T>(call(*this)));
    const Status error = std::move(failures_.front());
    failures_.pop_front();
    if (is_write && error.outcome() != Outcome::kNotApplied) (void)call(*this);
    return MakeReadyFuture(StatusOr<T>(error));
  }

  const Rows& rows() const { return rows_; }
  Row* Find(const std::string& key) {
    auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second;
  }
  std::optional<Entry> EntryOf(const std::string& key) {
    const Row* row = Find(key);
    if (row == nullptr) return std::nullopt;
    return Entry{key, row->value, row->version, row->created_version};
  }
  bool Holds(const Condition& condition) {
    const Row* row = Find(condition.key);
    switch (condition.kind) {
      case Condition::Kind::kAbsent:
        return row == nullptr;
      case Condition::Kind::kExists:
        return row != nullptr;
      case Condition::Kind::kVersion:
        return (row == nullptr ? 0 : row->version) == condition.version;
      case Condition::Kind::kValue:
        return row != nullptr && row->value == condition.value;
    }
    return false;
  }

  // Replaces the row as a whole.
  uint64_t Put(const std::string& key, std::string value) {
    ++revision_;
    rows_[key] = {std::move(value), revision_, revision_};
    return revision_;
  }
  // Goes on with the row that is there, if any.
  uint64_t Update(const std::string& key, std::string value) {
    const Row* before = Find(key);
    const uint64_t created = before == nullptr ? revision_ + 1 : before->created_version;
    ++revision_;
    rows_[key] = {std::move(value), revision_, created};
    return revision_;
  }
  // The version of the deletion; 0 when there was no such key.
  uint64_t Delete(const std::string& key) { return rows_.erase(key) == 0 ? 0 : ++revision_; }
  StatusOr<MutationResult> Apply(const Mutation& mutation) {
    switch (mutation.kind) {
      case Mutation::Kind::kPut:
        return MutationResult{Put(mutation.key, mutation.value), 0, false};
      case Mutation::Kind::kDelete:
        return MutationResult{0, 0, Delete(mutation.key) == 0};
      case Mutation::Kind::kIncrement:
        return Increment(mutation.key, mutation.delta);
      case Mutation::Kind::kAppend:
        return Append(mutation.key, mutation.value);
    }
    return Invalid("unknown kind of mutation");
  }
  // All or nothing.
  StatusOr<std::vector<MutationResult>> ApplyAll(const std::vector<Mutation>& mutations) {
    const Rows rows = rows_;
    const uint64_t revision = revision_;
    std::vector<MutationResult> results;
    for (const Mutation& mutation : mutations) {
      StatusOr<MutationResult> result = Apply(mutation);
      if (!result.ok()) {
        rows_ = rows;
        revision_ = revision;
        return result.status();
      }
      results.push_back(*result);
    }
    return results;
  }

 private:
  StatusOr<MutationResult> Increment(const std::string& key, int64_t delta) {
    const Row* row = Find(key);
    const std::optional<int64_t> before = ParseNumber(row == nullptr ? "0" : row->value);
    if (!before.has_value()) {
      return Status(StatusCode::kFailedPrecondition, "the value is not a number",
                    reason::kNotANumber);
    }
    int64_t after = 0;
    if (__builtin_add_overflow(*before, delta, &after)) {
      return Status(StatusCode::kOutOfRange, "the number would leave 64 bits", "NUMBER_OVERFLOW");
    }
    return MutationResult{Update(key, std::to_string(after)), after, false};
  }
  StatusOr<MutationResult> Append(const std::string& key, const std::string& value) {
    const Row* row = Find(key);
    std::string whole = (row == nullptr ? "" : row->value) + value;
    if (whole.size() > kMaxValueBytes) {
      return Status(StatusCode::kFailedPrecondition, "the value would outgrow the limit",
                    "VALUE_TOO_LARGE");
    }
    return MutationResult{Update(key, std::move(whole)), 0, false};
  }

  Mutex mu_;
  // Both guarded by mu_; Run holds it around every other method.
  Rows rows_;
  uint64_t revision_ = 0;
  std::deque<Status> failures_ ABSL_GUARDED_BY(mu_);
};

FakeKvClient::FakeKvClient() : store_(std::make_unique<Store>()) {}
FakeKvClient::~FakeKvClient() = default;

void FakeKvClient::FailNext(Status error) { store_->FailNext(std::move(error)); }

Answer<GetResult> FakeKvClient::DoGet(std::string key, ReadOptions) {
  return store_->Run<GetResult>(false, [&](Store& store) -> StatusOr<GetResult> {
    if (Status bad = CheckKey(key); !bad.ok()) return bad;
    std::optional<Entry> entry = store.EntryOf(key);
    if (!entry.has_value()) {
      return Status(StatusCode::kNotFound, "there is no such key", reason::kKeyNotFound);
    }
    return GetResult{*std::move(entry), {}};
  });
}

Answer<BatchGetResult> FakeKvClient::DoBatchGet(std::vector<std::string> keys, ReadOptions) {
  return store_->Run<BatchGetResult>(false, [&](Store& store) -> StatusOr<BatchGetResult> {
    if (keys.empty() || keys.size() > kMaxBatchGetKeys) {
      return Invalid("1 to 1000 keys, not " + std::to_string(keys.size()));
    }
    BatchGetResult result;
    for (const std::string& key : keys) {
      if (Status bad = CheckKey(key); !bad.ok()) return bad;
      result.entries.push_back(store.EntryOf(key));
    }
    return result;
  });
}

Answer<ScanPage> FakeKvClient::DoScanPage(KeyRange range, ScanOptions options, bool count_only) {
  return store_->Run<ScanPage>(false, [&](Store& store) -> StatusOr<ScanPage> {
    std::vector<std::string> keys;
    for (const auto& [key, row] : store.rows()) {
      if (key >= range.from && (range.to.empty() || key < range.to)) keys.push_back(key);
    }
    if (options.reverse) std::reverse(keys.begin(), keys.end());
    // The token is the key that a page begins with.
    const auto behind_token = [&](const std::string& key) {
      return options.reverse ? key <= options.page_token : key >= options.page_token;
    };
    auto next = options.page_token.empty() ? keys.begin()
                                           : std::find_if(keys.begin(), keys.end(), behind_token);
    uint64_t left = options.page_size == 0 ? kMaxPageSize : options.page_size;
    if (options.limit != 0) left = std::min(left, options.limit);
    ScanPage page;
    for (; next != keys.end() && left > 0; ++next, --left) {
      ++page.count;
      if (count_only) continue;
      page.entries.push_back(*store.EntryOf(*next));
      if (options.keys_only) page.entries.back().value.clear();
    }
    if (!count_only) page.count = 0;
    if (next != keys.end()) page.next_page_token = *next;
    return page;
  });
}

Answer<PutResult> FakeKvClient::DoPut(std::string key, std::string value, WriteOptions) {
  return store_->Run<PutResult>(true, [&](Store& store) -> StatusOr<PutResult> {
    AtomicCheck check;
    check.Add(key, value);
    if (Status bad = check.Finish(); !bad.ok()) return bad;
    return PutResult{store.Put(key, std::move(value))};
  });
}

Answer<DeleteResult> FakeKvClient::DoDelete(std::string key, WriteOptions) {
  return store_->Run<DeleteResult>(true, [&](Store& store) -> StatusOr<DeleteResult> {
    if (Status bad = CheckKey(key); !bad.ok()) return bad;
    const uint64_t version = store.Delete(key);
    return DeleteResult{version != 0, version};
  });
}

Answer<CasResult> FakeKvClient::DoCompareAndSwap(Condition condition, std::string value,
                                                 WriteOptions) {
  return store_->Run<CasResult>(true, [&](Store& store) -> StatusOr<CasResult> {
    AtomicCheck check;
    check.Add(condition.key, value);
    if (Status bad = check.Finish(); !bad.ok()) return bad;
    if (store.Holds(condition)) {
      return CasResult{true, store.Update(condition.key, std::move(value)), std::nullopt};
    }
    const std::optional<Entry> there = store.EntryOf(condition.key);
    if (!there.has_value()) return CasResult{false, 0, std::nullopt};
    return CasResult{false, there->version, there->value};
  });
}

Answer<IncrementResult> FakeKvClient::DoIncrement(std::string key, int64_t delta, WriteOptions) {
  return store_->Run<IncrementResult>(true, [&](Store& store) -> StatusOr<IncrementResult> {
    if (Status bad = CheckKey(key); !bad.ok()) return bad;
    StatusOr<MutationResult> result = store.Apply(Mutation::Increment(key, delta));
    if (!result.ok()) return result.status();
    return IncrementResult{result->number, result->version};
  });
}

Answer<AppendResult> FakeKvClient::DoAppend(std::string key, std::string value, WriteOptions) {
  return store_->Run<AppendResult>(true, [&](Store& store) -> StatusOr<AppendResult> {
    AtomicCheck check;
    check.Add(key, value);
    if (Status bad = check.Finish(); !bad.ok()) return bad;
    StatusOr<MutationResult> result = store.Apply(Mutation::Append(key, value));
    if (!result.ok()) return result.status();
    return AppendResult{result->version};
  });
}

Answer<DeleteRangeResult> FakeKvClient::DoDeleteRangePage(KeyRange range,
                                                          DeleteRangeOptions options) {
  return store_->Run<DeleteRangeResult>(true, [&](Store& store) -> StatusOr<DeleteRangeResult> {
    const uint32_t limit = options.page_size == 0 ? kMaxPageSize : options.page_size;
    const std::string from = std::max(range.from, options.page_token);
    std::vector<std::string> keys;
    DeleteRangeResult result;
    for (const auto& [key, row] : store.rows()) {
      if (key < from || (!range.to.empty() && key >= range.to)) continue;
      if (keys.size() == limit) {
        result.next_page_token = key;
        break;
      }
      keys.push_back(key);
    }
    for (const std::string& key : keys) (void)store.Delete(key);
    result.deleted = keys.size();
    return result;
  });
}

Answer<BatchResult> FakeKvClient::DoBatch(std::vector<Mutation> mutations, WriteOptions) {
  return store_->Run<BatchResult>(true, [&](Store& store) -> StatusOr<BatchResult> {
    AtomicCheck check;
    check.Add(mutations);
    if (Status bad = check.Finish(); !bad.ok()) return bad;
    StatusOr<std::vector<MutationResult>> results = store.ApplyAll(mutations);
    if (!results.ok()) return results.status();
    return BatchResult{*std::move(results)};
  });
}

Answer<TxnResult> FakeKvClient::DoTxn(Transaction transaction, WriteOptions) {
  return store_->Run<TxnResult>(true, [&](Store& store) -> StatusOr<TxnResult> {
    AtomicCheck check;
    for (const Condition& condition : transaction.conditions) {
      check.Add(condition.key, condition.value);
    }
    check.Add(transaction.then);
    check.Add(transaction.otherwise);
    if (Status bad = check.Finish(); !bad.ok()) return bad;
    const auto holds = [&](const Condition& condition) { return store.Holds(condition); };
    const bool held =
        std::all_of(transaction.conditions.begin(), transaction.conditions.end(), holds);
    auto results = store.ApplyAll(held ? transaction.then : transaction.otherwise);
    if (!results.ok()) return results.status();
    return TxnResult{held, *std::move(results)};
  });
}

}  // namespace testing
}  // namespace client_v1
}  // namespace flotilla

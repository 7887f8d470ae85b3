// The store as programs see it. Client (client.h) talks to a cluster; FakeKvClient
// (testing/fake_kv_client.h) keeps everything in memory for your own tests.
//
// Every call has a synchronous form and one that returns a Future. Thread-safe.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_KV_CLIENT_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_KV_CLIENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flotilla/export.h"
#include "flotilla/future.h"
#include "flotilla/scan.h"
#include "flotilla/status.h"
#include "flotilla/types.h"

namespace flotilla {
inline namespace client_v1 {

// The hash slot of a key, in [0, 16384): CRC16 of its {hash tag}, or of the whole key. Keys of one
// slot can be written atomically together.
FLOTILLA_EXPORT uint16_t HashSlot(std::string_view key);

// Reads are linearizable unless their options say otherwise. Writes are exactly-once: the client
// retries them until the timeout, and each takes effect at most once. A failed write says what
// became of it (Status::outcome).
class FLOTILLA_EXPORT KvClient {
 public:
  KvClient() = default;
  KvClient(const KvClient&) = delete;
  KvClient& operator=(const KvClient&) = delete;
  virtual ~KvClient();

  // NOT_FOUND (reason::kKeyNotFound) when there is no such key.
  StatusOr<GetResult> Get(std::string key, ReadOptions options = {}) {
    return GetAsync(std::move(key), std::move(options)).get();
  }
  Future<StatusOr<GetResult>> GetAsync(std::string key, ReadOptions options = {}) {
    return DoGet(std::move(key), std::move(options));
  }

  // Up to 1,000 keys; from one state of the store where they share a hash slot.
  StatusOr<BatchGetResult> BatchGet(std::vector<std::string> keys, ReadOptions options = {}) {
    return BatchGetAsync(std::move(keys), std::move(options)).get();
  }
  Future<StatusOr<BatchGetResult>> BatchGetAsync(std::vector<std::string> keys,
                                                 ReadOptions options = {}) {
    return DoBatchGet(std::move(keys), std::move(options));
  }

  // Entries in key order, page by page behind a plain loop.
  ScanRange Scan(KeyRange range, ScanOptions options = {}) {
    return ScanRange(*this, std::move(range), std::move(options));
  }
  // One page; go on with its next_page_token.
  Future<StatusOr<ScanPage>> ScanPageAsync(KeyRange range, ScanOptions options = {}) {
    return DoScanPage(std::move(range), std::move(options), /*count_only=*/false);
  }
  // How many keys there are; counted page by page, like a scan. Respects options.limit.
  StatusOr<uint64_t> Count(const KeyRange& range, ScanOptions options = {});

  StatusOr<PutResult> Put(std::string key, std::string value, WriteOptions options = {}) {
    return PutAsync(std::move(key), std::move(value), std::move(options)).get();
  }
  Future<StatusOr<PutResult>> PutAsync(std::string key, std::string value,
                                       WriteOptions options = {}) {
    return DoPut(std::move(key), std::move(value), std::move(options));
  }

  // Deleting an absent key is no error: DeleteResult::found says so.
  StatusOr<DeleteResult> Delete(std::string key, WriteOptions options = {}) {
    return DeleteAsync(std::move(key), std::move(options)).get();
  }
  Future<StatusOr<DeleteResult>> DeleteAsync(std::string key, WriteOptions options = {}) {
    return DoDelete(std::move(key), std::move(options));
  }

  // Writes `value` to the key of the condition if that holds. A condition that does not hold is an
  // answer, not an error: CasResult::swapped.
  StatusOr<CasResult> CompareAndSwap(Condition condition, std::string value,
                                     WriteOptions options = {}) {
    return CompareAndSwapAsync(std::move(condition), std::move(value), std::move(options)).get();
  }
  Future<StatusOr<CasResult>> CompareAndSwapAsync(Condition condition, std::string value,
                                                  WriteOptions options = {}) {
    return DoCompareAndSwap(std::move(condition), std::move(value), std::move(options));
  }

  // Adds to a decimal signed 64-bit integer in text; an absent key counts as 0. Not a number
  // (FAILED_PRECONDITION) and overflow (OUT_OF_RANGE) change nothing.
  StatusOr<IncrementResult> Increment(std::string key, int64_t delta = 1,
                                      WriteOptions options = {}) {
    return IncrementAsync(std::move(key), delta, std::move(options)).get();
  }
  Future<StatusOr<IncrementResult>> IncrementAsync(std::string key, int64_t delta = 1,
                                                   WriteOptions options = {}) {
    return DoIncrement(std::move(key), delta, std::move(options));
  }

  // Concatenates; an absent key counts as empty.
  StatusOr<AppendResult> Append(std::string key, std::string value, WriteOptions options = {}) {
    return AppendAsync(std::move(key), std::move(value), std::move(options)).get();
  }
  Future<StatusOr<AppendResult>> AppendAsync(std::string key, std::string value,
                                             WriteOptions options = {}) {
    return DoAppend(std::move(key), std::move(value), std::move(options));
  }

  // Deletes the whole range, page by page: not atomic. When it fails with an outcome of kUnknown,
  // some pages are or may be gone; the detail "deleted" of the status says how many keys are.
  StatusOr<DeleteRangeResult> DeleteRange(const KeyRange& range, DeleteRangeOptions options = {});
  // One page, which is atomic; go on with its next_page_token.
  Future<StatusOr<DeleteRangeResult>> DeleteRangePageAsync(KeyRange range,
                                                           DeleteRangeOptions options = {}) {
    return DoDeleteRangePage(std::move(range), std::move(options));
  }

  // Up to 256 writes of one hash slot, all or nothing, in order.
  StatusOr<BatchResult> Batch(std::vector<Mutation> mutations, WriteOptions options = {}) {
    return BatchAsync(std::move(mutations), std::move(options)).get();
  }
  Future<StatusOr<BatchResult>> BatchAsync(std::vector<Mutation> mutations,
                                           WriteOptions options = {}) {
    return DoBatch(std::move(mutations), std::move(options));
  }

  StatusOr<TxnResult> Txn(Transaction transaction, WriteOptions options = {}) {
    return TxnAsync(std::move(transaction), std::move(options)).get();
  }
  Future<StatusOr<TxnResult>> TxnAsync(Transaction transaction, WriteOptions options = {}) {
    return DoTxn(std::move(transaction), std::move(options));
  }

 private:
  virtual Future<StatusOr<GetResult>> DoGet(std::string key, ReadOptions options) = 0;
  virtual Future<StatusOr<BatchGetResult>> DoBatchGet(std::vector<std::string> keys,
                                                      ReadOptions options) = 0;
  // With count_only the page has a count and no entries.
  virtual Future<StatusOr<ScanPage>> DoScanPage(KeyRange range, ScanOptions options,
                                                bool count_only) = 0;
  virtual Future<StatusOr<PutResult>> DoPut(std::string key, std::string value,
                                            WriteOptions options) = 0;
  virtual Future<StatusOr<DeleteResult>> DoDelete(std::string key, WriteOptions options) = 0;
  virtual Future<StatusOr<CasResult>> DoCompareAndSwap(Condition condition, std::string value,
                                                       WriteOptions options) = 0;
  virtual Future<StatusOr<IncrementResult>> DoIncrement(std::string key, int64_t delta,
                                                        WriteOptions options) = 0;
  virtual Future<StatusOr<AppendResult>> DoAppend(std::string key, std::string value,
                                                  WriteOptions options) = 0;
  virtual Future<StatusOr<DeleteRangeResult>> DoDeleteRangePage(KeyRange range,
                                                                DeleteRangeOptions options) = 0;
  virtual Future<StatusOr<BatchResult>> DoBatch(std::vector<Mutation> mutations,
                                                WriteOptions options) = 0;
  virtual Future<StatusOr<TxnResult>> DoTxn(Transaction transaction, WriteOptions options) = 0;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_KV_CLIENT_H_

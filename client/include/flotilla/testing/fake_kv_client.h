// A store in memory, for tests of programs that take a KvClient. It keeps the contract of the real
// one: versions, conditions, one hash slot for what is atomic, limits, order and pages of scans.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TESTING_FAKE_KV_CLIENT_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TESTING_FAKE_KV_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "flotilla/kv_client.h"

namespace flotilla {
inline namespace client_v1 {
namespace testing {

// Futures are ready when they are returned. Thread-safe.
class FakeKvClient final : public KvClient {
 public:
  FakeKvClient();
  ~FakeKvClient() override;

  // The next call fails with `error` instead of running; a write whose outcome is kApplied or
  // kUnknown is applied nevertheless. Calls add up.
  void FailNext(Status error);

 private:
  class Store;

  Future<StatusOr<GetResult>> DoGet(std::string key, ReadOptions options) override;
  Future<StatusOr<BatchGetResult>> DoBatchGet(std::vector<std::string> keys,
                                              ReadOptions options) override;
  Future<StatusOr<ScanPage>> DoScanPage(KeyRange range, ScanOptions options,
                                        bool count_only) override;
  Future<StatusOr<PutResult>> DoPut(std::string key, std::string value,
                                    WriteOptions options) override;
  Future<StatusOr<DeleteResult>> DoDelete(std::string key, WriteOptions options) override;
  Future<StatusOr<CasResult>> DoCompareAndSwap(Condition condition, std::string value,
                                               WriteOptions options) override;
  Future<StatusOr<IncrementResult>> DoIncrement(std::string key, int64_t delta,
                                                WriteOptions options) override;
  Future<StatusOr<AppendResult>> DoAppend(std::string key, std::string value,
                                          WriteOptions options) override;
  Future<StatusOr<DeleteRangeResult>> DoDeleteRangePage(KeyRange range,
                                                        DeleteRangeOptions options) override;
  Future<StatusOr<BatchResult>> DoBatch(std::vector<Mutation> mutations,
                                        WriteOptions options) override;
  Future<StatusOr<TxnResult>> DoTxn(Transaction transaction, WriteOptions options) override;

  std::unique_ptr<Store> store_;
};

}  // namespace testing
}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_TESTING_FAKE_KV_CLIENT_H_

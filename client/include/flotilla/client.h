// The way into a Flotilla cluster.
//
//   auto client = flotilla::Client::Connect("localhost:6170");
//   if (!client.ok()) return Fail(client.status());
//   auto put = (*client)->Put("greeting", "hello");
//
// Everything lives in the Client: there is nothing to initialise, and nothing is left when it is
// gone. It has one thread, one connection per node it needs, and batches the calls of all threads.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLIENT_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLIENT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flotilla/cluster_status.h"
#include "flotilla/export.h"
#include "flotilla/future.h"
#include "flotilla/kv_client.h"
#include "flotilla/status.h"
#include "flotilla/types.h"

namespace flotilla {
inline namespace client_v1 {

struct ClientOptions {
  // Of a call, all tries together, unless the call says otherwise.
  std::chrono::milliseconds timeout{5000};
  // A node that says nothing for this long is given up for another one.
  std::chrono::milliseconds attempt_timeout{500};
  // Between tries: doubles from the first to the second, with jitter.
  std::chrono::milliseconds backoff_min{10};
  std::chrono::milliseconds backoff_max{500};
  // Keys and values of calls that are not answered yet. Beyond it calls fail at once with
  // RESOURCE_EXHAUSTED (reason::kClientOverloaded).
  size_t max_pending_bytes = 256 << 20;
};

class FLOTILLA_EXPORT Client final : public KvClient {
 public:
  // `endpoints`: "host:port" of some nodes of the cluster, separated by commas; the others are
  // found through them. Does not wait for a connection: an unreachable cluster shows in the first
  // call. INVALID_ARGUMENT for a malformed endpoint or option.
  static StatusOr<std::unique_ptr<Client>> Connect(std::string_view endpoints,
                                                   ClientOptions options = {});

  // Ends the calls that are under way: with reason::kClientClosed, and UNKNOWN where a write had
  // been sent. Returns within a second, whatever the network does. No other thread may be inside a
  // call.
  ~Client() override;

  // Asks every node of the cluster how it is, all at once.
  ClusterStatus DescribeCluster(std::chrono::milliseconds timeout = std::chrono::seconds(2));

 private:
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);

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

  std::unique_ptr<Impl> impl_;
};

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_CLIENT_H_

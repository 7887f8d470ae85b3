// The client that programs hold: it hands their calls, from any thread, to the core on its one
// thread.
#include <atomic>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/posix_clock.h"
#include "base/random.h"
#include "client/client_core.h"
#include "client/endpoints.h"
#include "client/grpc_cluster.h"
#include "client/grpc_event_loop.h"
#include "client/grpc_kv_channel.h"
#include "flotilla/client.h"

namespace flotilla {
inline namespace client_v1 {

namespace {

// The server's own limits lie below. This one keeps a call from breaking the connection, and so all
// others, with a message that the server (unless it was told to take less) refuses unread.
constexpr size_t kMaxCallBytes = 15 << 20;
// What a pending call costs besides its payload, about.
constexpr size_t kCallOverheadBytes = 512;

template <typename T>
Status CheckAnswer(const T&) {
  return Status();
}
Status CheckAnswer(const GetResult& found) {
  if (found.version != 0) return Status();
  return Status(StatusCode::kNotFound, "there is no such key", reason::kKeyNotFound);
}

template <typename T>
StatusOr<T> As(StatusOr<client::Result> result) {
  if (!result.ok()) return std::move(result).status();
  T* answer = std::get_if<T>(&*result);
  if (answer == nullptr) {
    return Status(StatusCode::kInternal, "the server answered another kind of call", "INTERNAL");
  }
  if (Status failed = CheckAnswer(*answer); !failed.ok()) return failed;
  return std::move(*answer);
}

Status CheckOptions(const ClientOptions& options) {
  const auto refuse = [](const char* what) {
    return Status(StatusCode::kInvalidArgument, std::string("ClientOptions: ") + what,
                  reason::kInvalidRequest);
  };
  if (options.timeout.count() <= 0) return refuse("timeout must be positive");
  if (options.attempt_timeout.count() <= 0) return refuse("attempt_timeout must be positive");
  if (options.backoff_min.count() <= 0) return refuse("backoff_min must be positive");
  if (options.backoff_max < options.backoff_min) return refuse("backoff_max is below backoff_min");
  return Status();
}

client::CoreOptions CoreOptionsOf(const ClientOptions& options,
                                  std::vector<std::string> endpoints) {
  client::CoreOptions core;
  core.endpoints = std::move(endpoints);
  core.silence_limit = options.attempt_timeout;
  core.backoff = {options.backoff_min, options.backoff_max};
  core.link.backoff = core.backoff;
  core.link.try_timeout = 4 * options.attempt_timeout;
  return core;
}

}  // namespace

class Client::Impl {
 public:
  Impl(const ClientOptions& options, std::vector<std::string> endpoints)
      : options_(options),
        endpoints_(std::move(endpoints)),
        loop_(clock_, [this] { (void)Turn(); }),
        channel_(loop_, clock_),
        core_(std::make_unique<client::ClientCore>(
            CoreOptionsOf(options, endpoints_), clock_, loop_,
            // Only for jitter; different clients must not keep in step.
            Random(std::random_device{}()), channel_)) {
    core_->ReleaseCostsTo(
        [this](size_t cost) { pending_bytes_.fetch_sub(cost, std::memory_order_relaxed); });
    loop_.Start();
  }

  ~Impl() {
    loop_.Stop([this] {
      core_->Close();
      // Continuations may have made new calls; those end at once.
      while (Turn()) {
      }
      core_.reset();
    });
  }

  template <typename T>
  Future<StatusOr<T>> Execute(client::Operation operation, std::chrono::milliseconds timeout,
                              std::string traceparent, ReadLevel level = ReadLevel::kLinearizable) {
    Promise<StatusOr<T>> promise;
    Future<StatusOr<T>> future = promise.future();
    const size_t payload = PayloadBytes(operation);
    if (Status refused = TakeIn(payload); !refused.ok()) {
      promise.set(std::move(refused));
      return future;
    }
    client::Call call;
    call.operation = std::move(operation);
    call.level = level;
    call.deadline = clock_.Now() + (timeout.count() > 0 ? timeout : options_.timeout);
    call.traceparent = std::move(traceparent);
    call.cost = payload + kCallOverheadBytes;
    call.done = [promise = std::move(promise)](StatusOr<client::Result> result) mutable {
      promise.set(As<T>(std::move(result)));
    };
    Submit(std::move(call));
    return future;
  }

  const std::vector<std::string>& endpoints() const { return endpoints_; }

 private:
  Status TakeIn(size_t bytes) {
    if (bytes > kMaxCallBytes) {
      return Status(StatusCode::kInvalidArgument,
                    "a call carries at most " + std::to_string(kMaxCallBytes) + " bytes, not " +
                        std::to_string(bytes),
                    reason::kInvalidRequest);
    }
    const size_t cost = bytes + kCallOverheadBytes;
    if (pending_bytes_.fetch_add(cost, std::memory_order_relaxed) + cost <=
        options_.max_pending_bytes) {
      return Status();
    }
    pending_bytes_.fetch_sub(cost, std::memory_order_relaxed);
    return Status(StatusCode::kResourceExhausted,
                  "more than max_pending_bytes (" + std::to_string(options_.max_pending_bytes) +
                      ") are unanswered; wait for some results",
                  reason::kClientOverloaded);
  }

  void Submit(client::Call call) {
    {
      MutexLock lock(mu_);
      inbox_.push_back(std::move(call));
    }
    loop_.Wake();
  }

  // On the loop's thread. Returns whether there were new calls.
  bool Turn() {
    std::vector<client::Call> calls;
    {
      MutexLock lock(mu_);
      calls.swap(inbox_);
    }
    const bool any = !calls.empty();
    if (any) core_->Execute(std::move(calls));
    return any;
  }

  const ClientOptions options_;
  const std::vector<std::string> endpoints_;
  PosixClock clock_;
  client::GrpcEventLoop loop_;
  client::GrpcKvChannel channel_;

  std::unique_ptr<client::ClientCore> core_;  // on the loop's thread

  std::atomic<size_t> pending_bytes_{0};
  Mutex mu_;
  std::vector<client::Call> inbox_ ABSL_GUARDED_BY(mu_);
};

StatusOr<std::unique_ptr<Client>> Client::Connect(std::string_view endpoints,
                                                  ClientOptions options) {
  if (Status refused = CheckOptions(options); !refused.ok()) return refused;
  auto parsed = client::ParseEndpoints(endpoints);
  if (!parsed.ok()) return parsed.status();
  auto impl = std::make_unique<Impl>(options, *std::move(parsed));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

ClusterStatus Client::DescribeCluster(std::chrono::milliseconds timeout) {
  return client::AskAllNodes(impl_->endpoints(), timeout);
}

Future<StatusOr<GetResult>> Client::DoGet(std::string key, ReadOptions options) {
  return impl_->Execute<GetResult>(client::Get{std::move(key)}, options.timeout,
                                   std::move(options.traceparent), options.level);
}

Future<StatusOr<BatchGetResult>> Client::DoBatchGet(std::vector<std::string> keys,
                                                    ReadOptions options) {
  return impl_->Execute<BatchGetResult>(client::BatchGet{std::move(keys)}, options.timeout,
                                        std::move(options.traceparent), options.level);
}

Future<StatusOr<ScanPage>> Client::DoScanPage(KeyRange range, ScanOptions options,
                                              bool count_only) {
  client::Scan scan;
  scan.range = std::move(range);
  scan.reverse = options.reverse;
  scan.keys_only = options.keys_only;
  scan.count_only = count_only;
  scan.limit = options.limit;
  scan.page_size = options.page_size;
  scan.page_token = std::move(options.page_token);
  return impl_->Execute<ScanPage>(std::move(scan), options.timeout, std::move(options.traceparent),
                                  options.level);
}

Future<StatusOr<PutResult>> Client::DoPut(std::string key, std::string value,
                                          WriteOptions options) {
  return impl_->Execute<PutResult>(client::Put{std::move(key), std::move(value)}, options.timeout,
                                   std::move(options.traceparent));
}

Future<StatusOr<DeleteResult>> Client::DoDelete(std::string key, WriteOptions options) {
  return impl_->Execute<DeleteResult>(client::Delete{std::move(key)}, options.timeout,
                                      std::move(options.traceparent));
}

Future<StatusOr<CasResult>> Client::DoCompareAndSwap(Condition condition, std::string value,
                                                     WriteOptions options) {
  return impl_->Execute<CasResult>(client::CompareAndSwap{std::move(condition), std::move(value)},
                                   options.timeout, std::move(options.traceparent));
}

Future<StatusOr<IncrementResult>> Client::DoIncrement(std::string key, int64_t delta,
                                                      WriteOptions options) {
  return impl_->Execute<IncrementResult>(client::Increment{std::move(key), delta}, options.timeout,
                                         std::move(options.traceparent));
}

Future<StatusOr<AppendResult>> Client::DoAppend(std::string key, std::string value,
                                                WriteOptions options) {
  return impl_->Execute<AppendResult>(client::Append{std::move(key), std::move(value)},
                                      options.timeout, std::move(options.traceparent));
}

Future<StatusOr<DeleteRangeResult>> Client::DoDeleteRangePage(KeyRange range,
                                                              DeleteRangeOptions options) {
  client::DeleteRange page{std::move(range), options.page_size, std::move(options.page_token)};
  return impl_->Execute<DeleteRangeResult>(std::move(page), options.timeout,
                                           std::move(options.traceparent));
}

Future<StatusOr<BatchResult>> Client::DoBatch(std::vector<Mutation> mutations,
                                              WriteOptions options) {
  return impl_->Execute<BatchResult>(client::Batch{std::move(mutations)}, options.timeout,
                                     std::move(options.traceparent));
}

Future<StatusOr<TxnResult>> Client::DoTxn(Transaction transaction, WriteOptions options) {
  return impl_->Execute<TxnResult>(client::Txn{std::move(transaction)}, options.timeout,
                                   std::move(options.traceparent));
}

}  // namespace client_v1
}  // namespace flotilla

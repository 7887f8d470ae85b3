#include "server/health_service.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace flotilla::server {
namespace {

namespace health = grpc::health::v1;
using Status = health::HealthCheckResponse::ServingStatus;

// One open Watch. Owns itself from Start until gRPC is done with it.
class Watcher : public grpc::ServerWriteReactor<health::HealthCheckResponse>,
                public std::enable_shared_from_this<Watcher> {
 public:
  explicit Watcher(std::function<void(Watcher*)> on_done) : on_done_(std::move(on_done)) {}

  void Start(Status status) {
    self_ = shared_from_this();
    Set(status);
  }

  void Set(Status status) {
    {
      MutexLock lock(mu_);
      wanted_ = status;
    }
    Advance();
  }

  void End() {
    {
      MutexLock lock(mu_);
      over_ = true;
    }
    Advance();
  }

 private:
  enum class Step { kNothing, kWrite, kFinish };

  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_ || writing_) return Step::kNothing;
    // What it was told last goes out before the end.
    if (!broken_ && wanted_ != written_) {
      writing_ = true;
      written_ = wanted_;
      response_.set_status(written_);
      return Step::kWrite;
    }
    finished_ = over_;
    return over_ ? Step::kFinish : Step::kNothing;
  }

  // Decides under the lock and acts outside: gRPC may call back from inside.
  void Advance() {
    Step step;
    {
      MutexLock lock(mu_);
      step = NextStep();
    }
    if (step == Step::kWrite) StartWrite(&response_);
    if (step == Step::kFinish) Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "stopping"));
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mu_);
      writing_ = false;
      broken_ = broken_ || !ok;
      over_ = over_ || !ok;
    }
    Advance();
  }

  void OnCancel() override {
    {
      MutexLock lock(mu_);
      broken_ = true;
      over_ = true;
    }
    Advance();
  }

  void OnDone() override {
    on_done_(this);
    self_.reset();
  }

  const std::function<void(Watcher*)> on_done_;
  std::shared_ptr<Watcher> self_;
  health::HealthCheckResponse response_;  // of the one write under way

  Mutex mu_;
  Status wanted_ ABSL_GUARDED_BY(mu_) = health::HealthCheckResponse::UNKNOWN;
  Status written_ ABSL_GUARDED_BY(mu_) = health::HealthCheckResponse::UNKNOWN;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

class Service final : public HealthService, public health::Health::CallbackService {
 public:
  explicit Service(std::vector<std::string> services) : services_(std::move(services)) {}

  grpc::Service& service() override { return *this; }

  void SetServing(bool serving) override {
    Watchers watchers;
    {
      MutexLock lock(mu_);
      if (stopped_) return;
      status_ =
          serving ? health::HealthCheckResponse::SERVING : health::HealthCheckResponse::NOT_SERVING;
      watchers = watchers_;
    }
    for (const auto& [watcher, known] : watchers) {
      if (known) watcher->Set(status());
    }
  }

  void Stop() override {
    Watchers watchers;
    {
      MutexLock lock(mu_);
      stopped_ = true;
      watchers = watchers_;
    }
    for (const auto& [watcher, known] : watchers) watcher->End();
  }

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const health::HealthCheckRequest* request,
                                  health::HealthCheckResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    if (Knows(request->service())) {
      response->set_status(status());
      reactor->Finish(grpc::Status::OK);
    } else {
      reactor->Finish(
          grpc::Status(grpc::StatusCode::NOT_FOUND, "there is no service " + request->service()));
    }
    return reactor;
  }

  grpc::ServerWriteReactor<health::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext*, const health::HealthCheckRequest* request) override {
    const auto watcher =
        std::make_shared<Watcher>([this](Watcher* done) { Forget(done->shared_from_this()); });
    const bool known = Knows(request->service());
    bool stopped = false;
    {
      MutexLock lock(mu_);
      stopped = stopped_;
      if (!stopped) watchers_.insert({watcher, known});
    }
    // The protocol asks to keep a watch of an unknown service open: it may come to be.
    watcher->Start(known ? status() : health::HealthCheckResponse::SERVICE_UNKNOWN);
    if (stopped) watcher->End();
    return watcher.get();
  }

 private:
  // With whether they watch a service that there is.
  using Watchers = std::map<std::shared_ptr<Watcher>, bool>;

  bool Knows(const std::string& service) const {
    return std::ranges::find(services_, service) != services_.end();
  }

  Status status() {
    MutexLock lock(mu_);
    return status_;
  }

  void Forget(const std::shared_ptr<Watcher>& watcher) {
    MutexLock lock(mu_);
    watchers_.erase(watcher);
  }

  const std::vector<std::string> services_;
  Mutex mu_;
  Status status_ ABSL_GUARDED_BY(mu_) = health::HealthCheckResponse::NOT_SERVING;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  Watchers watchers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<HealthService> HealthService::Create(std::vector<std::string> services) {
  return std::make_unique<Service>(std::move(services));
}

}  // namespace flotilla::server

#include "server/http_endpoint.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/check.h"
#include "base/mutex.h"
#include "base/posix_clock.h"

namespace flotilla::server {
namespace {

constexpr size_t kMaxConnections = 64;
// From its beginning to its end.
constexpr Duration kConnectionLimit = std::chrono::seconds(5);

// One request and its reply. Never blocks.
class Connection {
 public:
  Connection(Descriptor socket, MonoTime deadline)
      : socket_(std::move(socket)), deadline_(deadline) {}

  int fd() const { return socket_.get(); }
  MonoTime deadline() const { return deadline_; }
  bool done() const { return done_; }
  short events() const { return reply_.empty() ? POLLIN : POLLOUT; }

  // Once `events` have come.
  void Advance(const std::map<std::string, HttpPage>& pages) {
    if (reply_.empty()) Receive(pages);
    if (!reply_.empty()) Send();
  }

 private:
  void Receive(const std::map<std::string, HttpPage>& pages) {
    char buffer[4096];
    const ssize_t got = ::recv(fd(), buffer, sizeof(buffer), 0);
    if (got <= 0) {
      done_ = got == 0 || (errno != EAGAIN && errno != EINTR);
      return;
    }
    received_.append(buffer, static_cast<size_t>(got));
    const std::optional<HttpRequest> request = ParseHttpRequest(received_);
    if (request.has_value()) reply_ = Answer(*request, pages);
  }

  static std::string Answer(const HttpRequest& request,
                            const std::map<std::string, HttpPage>& pages) {
    const auto page = pages.find(request.path);
    HttpReply reply{.status = request.status};
    if (reply.status == 200 && page == pages.end()) reply.status = 404;
    if (reply.status == 200) reply = page->second(request.query);
    return FormatHttpReply(reply, request.head_only);
  }

  void Send() {
    const ssize_t put = ::send(fd(), reply_.data() + sent_, reply_.size() - sent_, MSG_NOSIGNAL);
    if (put < 0) {
      done_ = errno != EAGAIN && errno != EINTR;
      return;
    }
    sent_ += static_cast<size_t>(put);
    done_ = sent_ == reply_.size();
  }

  const Descriptor socket_;
  const MonoTime deadline_;
  std::string received_;
  std::string reply_;
  size_t sent_ = 0;  // of the reply
  bool done_ = false;
};

class Endpoint : public HttpEndpoint {
 public:
  explicit Endpoint(std::unique_ptr<Doorman> doorman)
      : address_(doorman->address()),
        doorman_(std::move(doorman)),
        wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  ~Endpoint() override { Stop(); }

  const Address& address() const override { return address_; }

  void Serve(std::map<std::string, HttpPage> pages) override {
    FLOTILLA_CHECK(!thread_.joinable());
    pages_ = std::move(pages);
    thread_ = std::thread([this] { Run(); });
    doorman_->Open([this](int fd) { Welcome(Descriptor(fd)); });
  }

  void Stop() override {
    doorman_->Close();
    stopping_.store(true);
    ::eventfd_write(wake_.get(), 1);
    if (thread_.joinable()) thread_.join();
  }

 private:
  // On the door's thread.
  void Welcome(Descriptor connection) {
    MutexLock lock(mu_);
    // In a flood the door is faster than the pages.
    if (arrived_.size() >= kMaxConnections) arrived_.erase(arrived_.begin());
    arrived_.push_back(std::move(connection));
    ::eventfd_write(wake_.get(), 1);
  }

  void Run() {
    while (!stopping_.load()) {
      Wait();
      TakeArrived();
      const MonoTime now = clock_.Now();
      connections_.remove_if(
          [&](const Connection& one) { return one.done() || one.deadline() <= now; });
    }
    connections_.clear();
  }

  // Until something has come, and does what there is to do for it.
  void Wait() {
    std::vector<pollfd> events = {{wake_.get(), POLLIN, 0}};
    for (const Connection& one : connections_) events.push_back({one.fd(), one.events(), 0});
    // The oldest has the first deadline.
    const Duration left =
        connections_.empty() ? kConnectionLimit : connections_.front().deadline() - clock_.Now();
    const auto millis = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    if (::poll(events.data(), events.size(), static_cast<int>(std::max<int64_t>(millis, 0))) <= 0) {
      return;
    }
    eventfd_t ignored = 0;
    if (events[0].revents != 0) ::eventfd_read(wake_.get(), &ignored);
    auto event = events.begin() + 1;
    for (Connection& one : connections_) {
      if ((event++)->revents != 0) one.Advance(pages_);
    }
  }

  void TakeArrived() {
    std::vector<Descriptor> arrived;
    {
      MutexLock lock(mu_);
      arrived.swap(arrived_);
    }
    const MonoTime deadline = clock_.Now() + kConnectionLimit;
    for (Descriptor& socket : arrived) {
      if (connections_.size() >= kMaxConnections) connections_.pop_front();
      connections_.emplace_back(std::move(socket), deadline);
    }
  }

  const Address address_;
  const std::unique_ptr<Doorman> doorman_;
  const Descriptor wake_;
  PosixClock clock_;
  std::atomic<bool> stopping_ = false;

  // The thread's, oldest first.
  std::map<std::string, HttpPage> pages_;
  std::list<Connection> connections_;
  std::thread thread_;

  Mutex mu_;
  std::vector<Descriptor> arrived_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<HttpEndpoint> HttpEndpoint::Create(std::unique_ptr<Doorman> doorman) {
  return std::make_unique<Endpoint>(std::move(doorman));
}

}  // namespace flotilla::server

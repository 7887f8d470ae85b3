#include "server/http_endpoint.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include <httplib.h>

namespace flotilla::server {
namespace {

constexpr int kThreads = 2;
constexpr int kSocketSeconds = 5;

class Endpoint : public HttpEndpoint {
 public:
  Endpoint() {
    http_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // The library's own choice, SO_REUSEPORT, would share the port with another process.
    http_.set_socket_options([](socket_t socket) {
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    });
    http_.set_read_timeout(kSocketSeconds);
    http_.set_write_timeout(kSocketSeconds);
    http_.set_keep_alive_timeout(kSocketSeconds);
    http_.set_payload_max_length(1 << 10);
  }
  ~Endpoint() override { Stop(); }

  absl::Status Bind(const Address& address) {
    address_ = address;
    errno = 0;
    if (address.port == 0) {
      const int port = http_.bind_to_any_port(address.host.c_str());
      if (port > 0) {
        address_.port = static_cast<uint16_t>(port);
        return absl::OkStatus();
      }
    } else if (http_.bind_to_port(address.host.c_str(), address.port)) {
      return absl::OkStatus();
    }
    const int error = errno;
    const std::string message = absl::StrCat("cannot listen on ", FormatValue(address), ": ",
                                             error == 0 ? "no such address" : std::strerror(error));
    return error == EADDRINUSE ? absl::AlreadyExistsError(message) : absl::InternalError(message);
  }

  const Address& address() const override { return address_; }

  void Serve(std::map<std::string, HttpPage> pages) override {
    for (auto& [path, page] : pages) {
      http_.Get(path, [page = std::move(page)](const httplib::Request& request,
                                               httplib::Response& response) {
        const HttpReply reply = page({.verbose = request.has_param("verbose")});
        response.status = reply.status;
        response.set_content(reply.body, reply.content_type.c_str());
      });
    }
    thread_ = std::thread([this] { http_.listen_after_bind(); });
  }

  void Stop() override {
    if (!thread_.joinable()) return;
    // Stopping before it runs would be forgotten by the library.
    while (!http_.is_running()) std::this_thread::yield();
    http_.stop();
    thread_.join();
  }

 private:
  Address address_;
  httplib::Server http_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Listen(const Address& address) {
  auto endpoint = std::make_unique<Endpoint>();
  if (absl::Status bound = endpoint->Bind(address); !bound.ok()) return bound;
  return endpoint;
}

}  // namespace flotilla::server

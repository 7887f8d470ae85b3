#include "server/doorman.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace flotilla::server {
namespace {

absl::Status BindError(int error, const Address& address) {
  const std::string message =
      absl::StrCat("cannot listen on ", FormatValue(address), ": ", std::strerror(error));
  switch (error) {
    case EADDRINUSE:
      return absl::AlreadyExistsError(message);
    case EACCES:
      return absl::PermissionDeniedError(message);
    case EADDRNOTAVAIL:
      return absl::NotFoundError(message);
    default:
      return absl::InternalError(message);
  }
}

struct AddressInfoDeleter {
  void operator()(addrinfo* info) const { ::freeaddrinfo(info); }
};
using AddressInfo = std::unique_ptr<addrinfo, AddressInfoDeleter>;

absl::StatusOr<AddressInfo> Resolve(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("cannot listen on ", FormatValue(address), ": ", ::gai_strerror(error)));
  }
  return AddressInfo(found);
}

absl::StatusOr<Descriptor> Bind(const Address& address) {
  FLOTILLA_ASSIGN_OR_RETURN(const AddressInfo info, Resolve(address));
  Descriptor listener(
      ::socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol));
  const int on = 1;
  // REUSEADDR lets a restarted node bind while old connections linger; it does not share the port.
  if (listener.get() < 0 ||
      ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      ::bind(listener.get(), info->ai_addr, info->ai_addrlen) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    return BindError(errno, address);
  }
  return listener;
}

uint16_t BoundPort(int listener) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  FLOTILLA_CHECK_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size), 0);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
}

void Count(Counter* counter) {
  if (counter != nullptr) counter->Add();
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

absl::StatusOr<std::unique_ptr<Doorman>> Doorman::Listen(const Address& address, Options options) {
  FLOTILLA_ASSIGN_OR_RETURN(Descriptor listener, Bind(address));
  Descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  Descriptor spare(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (wake.get() < 0 || spare.get() < 0) return BindError(errno, address);
  const Address bound{address.host, BoundPort(listener.get())};
  return std::unique_ptr<Doorman>(
      new Doorman(bound, options, std::move(listener), std::move(wake), std::move(spare)));
}

Doorman::Doorman(Address address, Options options, Descriptor listener, Descriptor wake,
                 Descriptor spare)
    : address_(std::move(address)),
      options_(options),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      spare_(std::move(spare)) {}

Doorman::~Doorman() { Close(); }

void Doorman::Open(Welcome welcome) {
  FLOTILLA_CHECK(!thread_.joinable());
  welcome_ = std::move(welcome);
  thread_ = std::thread([this] { Run(); });
}

void Doorman::Close() {
  closing_.store(true);
  ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
  listener_ = Descriptor();
}

void Doorman::Run() {
  while (!closing_.load()) {
    pollfd events[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(events, 2, -1) > 0 && (events[0].revents & POLLIN) != 0) AcceptAll();
  }
}

void Doorman::AcceptAll() {
  while (!closing_.load()) {
    Descriptor connection(
        ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.get() < 0) {
      if (errno == EAGAIN) return;
      // All else are connections that died in the backlog.
      if (errno == EMFILE || errno == ENFILE) TurnOneAway();
      continue;
    }
    if (connection.get() >= options_.descriptor_limit) {
      Count(options_.turned_away);
      continue;
    }
    const int on = 1;
    ::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Count(options_.accepted);
    welcome_(connection.Release());
  }
}

void Doorman::TurnOneAway() {
  spare_ = Descriptor();
  const Descriptor refused(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (refused.get() >= 0) {
    Count(options_.turned_away);
  } else {
    // Another thread was faster to take the spare descriptor; waiting beats spinning.
    ::poll(nullptr, 0, 10);
  }
  spare_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace flotilla::server

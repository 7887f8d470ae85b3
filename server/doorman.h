// Listens on a port and lets connections in, in gRPC's place. gRPC's own listener shares a port
// silently with another process (SO_REUSEPORT), does not say why it cannot bind, and at its first
// accept without a free descriptor stops listening for ever; this one does none of that, and turns
// connections away before descriptors run out.
#ifndef FLOTILLA_SERVER_DOORMAN_H_
#define FLOTILLA_SERVER_DOORMAN_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "base/metrics.h"
#include "server/value_text.h"

namespace flotilla::server {

// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

class Doorman {
 public:
  struct Options {
    // The kernel hands out the lowest free descriptor, so one at or above this number says how many
    // are open; such a connection is closed at once.
    int descriptor_limit = 1024;
    Counter* accepted = nullptr;
    Counter* turned_away = nullptr;
  };
  // Takes ownership of a connected socket, non-blocking and without Nagle's delay.
  using Welcome = std::function<void(int fd)>;

  // Binds and listens; connections wait in the backlog until Open. Errors: kAlreadyExists (the port
  // is in use), kPermissionDenied, kNotFound (no such host or address), kInternal.
  static absl::StatusOr<std::unique_ptr<Doorman>> Listen(const Address& address, Options options);
  // Closes.
  ~Doorman();

  // As bound: with the port that was given for port 0.
  const Address& address() const { return address_; }

  // Starts a thread that calls `welcome`. At most once.
  void Open(Welcome welcome);
  // Stops listening and joins the thread. Idempotent.
  void Close();

 private:
  Doorman(Address address, Options options, Descriptor listener, Descriptor wake, Descriptor spare);

  void Run();
  void AcceptAll();
  // With no descriptor left even to refuse with: gives up the spare one for a moment.
  void TurnOneAway();

  const Address address_;
  const Options options_;
  Descriptor listener_;
  Descriptor wake_;
  Descriptor spare_;
  Welcome welcome_;
  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_DOORMAN_H_

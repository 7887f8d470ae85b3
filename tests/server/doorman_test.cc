#include "server/doorman.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace flotilla::server {
namespace {

Descriptor ConnectTo(const Address& address) {
  Descriptor connection(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(address.port);
  ::inet_pton(AF_INET, address.host.c_str(), &target.sin_addr);
  EXPECT_EQ(::connect(connection.get(), reinterpret_cast<sockaddr*>(&target), sizeof(target)), 0);
  return connection;
}

// Blocks until the other end closes, and tells whether it did so without a byte.
bool IsClosed(const Descriptor& connection) {
  char byte = 0;
  return ::read(connection.get(), &byte, 1) <= 0;
}

TEST(Doorman, TakesAFreePortAndLetsConnectionsIn) {
  Counter accepted;
  auto doorman = *Doorman::Listen({"127.0.0.1", 0}, {.accepted = &accepted});
  EXPECT_NE(doorman->address().port, 0);
  std::promise<Descriptor> arrived;
  doorman->Open([&](int fd) { arrived.set_value(Descriptor(fd)); });
  const Descriptor client = ConnectTo(doorman->address());
  const Descriptor server = arrived.get_future().get();
  EXPECT_NE(::fcntl(server.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::write(server.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(client.get(), &byte, 1), 1);
  EXPECT_EQ(accepted.value(), 1u);
}

TEST(Doorman, KeepsConnectionsWaitingUntilItOpens) {
  auto doorman = *Doorman::Listen({"127.0.0.1", 0}, {});
  const Descriptor early = ConnectTo(doorman->address());
  std::promise<void> arrived;
  doorman->Open([&](int fd) {
    const Descriptor owned(fd);
    arrived.set_value();
  });
  arrived.get_future().wait();
}

TEST(Doorman, NeverSharesAPort) {
  auto doorman = *Doorman::Listen({"127.0.0.1", 0}, {});
  const auto second = Doorman::Listen(doorman->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(StdView(second.status().message())),
              testing::HasSubstr(FormatValue(doorman->address()) + ": Address already in use"));
}

TEST(Doorman, SaysThatAnAddressIsNotItsOwn) {
  EXPECT_EQ(Doorman::Listen({"192.0.2.1", 0}, {}).status().code(), absl::StatusCode::kNotFound);
}

TEST(Doorman, TurnsAwayWhoComesWhenTooManyDescriptorsAreOpen) {
  Counter turned_away;
  // No connection's descriptor is below 1.
  auto doorman =
      *Doorman::Listen({"127.0.0.1", 0}, {.descriptor_limit = 1, .turned_away = &turned_away});
  doorman->Open([](int) { FAIL() << "let in"; });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsClosed(ConnectTo(doorman->address())));
  EXPECT_EQ(turned_away.value(), 3u);
}

TEST(Doorman, FreesItsPortWhenItCloses) {
  auto doorman = *Doorman::Listen({"127.0.0.1", 0}, {});
  const Address address = doorman->address();
  doorman->Open([](int fd) { ::close(fd); });
  doorman->Close();
  doorman->Close();
  EXPECT_TRUE(Doorman::Listen(address, {}).ok());
}

}  // namespace
}  // namespace flotilla::server

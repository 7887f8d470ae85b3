// A gRPC server on a free port that answers like a cluster of one node, from a map in memory.
#ifndef FLOTILLA_TESTS_CLIENT_FAKE_SERVER_H_
#define FLOTILLA_TESTS_CLIENT_FAKE_SERVER_H_

#include <atomic>
#include <memory>
#include <string>

namespace flotilla::client {

class FakeServer {
 public:
  FakeServer();
  ~FakeServer();

  const std::string& endpoint() const { return endpoint_; }

  // Takes messages in and answers nothing.
  void HoldAnswers();
  void Stop();

  size_t messages() const;
  size_t operations() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
  std::string endpoint_;
};

}  // namespace flotilla::client

#endif  // FLOTILLA_TESTS_CLIENT_FAKE_SERVER_H_

// etcd's KV service, by unary calls spread over a number of connections. One thread polls one
// completion queue: of gRPC's client interfaces on Debian 12 the one that costs least per call, so
// that etcd is not charged for a slow generator.
#ifndef FLOTILLA_BENCH_ETCD_STORE_H_
#define FLOTILLA_BENCH_ETCD_STORE_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/store.h"

namespace flotilla::bench {

class EtcdStore final : public Store {
 public:
  // Connects lazily. Precondition: `endpoints` is not empty and connections > 0.
  EtcdStore(const std::vector<std::string>& endpoints, int connections);
  // All calls must have been answered.
  ~EtcdStore() override;

  void Start(Operation operation, Done done) override;

 private:
  struct Connections;
  class Call;

  void Poll();

  const std::unique_ptr<Connections> connections_;
  std::atomic<size_t> next_connection_{0};
  std::thread poller_;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_ETCD_STORE_H_

// Flotilla through its own client library, as a user's program would use it.
#ifndef FLOTILLA_BENCH_FLOTILLA_STORE_H_
#define FLOTILLA_BENCH_FLOTILLA_STORE_H_

#include <memory>

#include "bench/store.h"
#include "flotilla/client.h"

namespace flotilla::bench {

class FlotillaStore final : public Store {
 public:
  explicit FlotillaStore(std::unique_ptr<Client> client) : client_(std::move(client)) {}

  absl::Status Execute(Operation operation) override;
  void Start(Operation operation, Done done) override;

 private:
  const std::unique_ptr<Client> client_;
};

}  // namespace flotilla::bench

#endif  // FLOTILLA_BENCH_FLOTILLA_STORE_H_

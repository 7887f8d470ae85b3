#include "bench/flotilla_store.h"

#include <utility>

namespace flotilla::bench {

namespace {

template <typename T>
absl::Status ToAbslStatus(const StatusOr<T>& result) {
  if (result.ok() || IsNotFound(result.status())) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(result.status().code()),
                      result.status().ToString());
}

}  // namespace

absl::Status FlotillaStore::Execute(Operation operation) {
  if (operation.kind == Operation::Kind::kPut) {
    return ToAbslStatus(client_->Put(std::move(operation.key), std::move(operation.value)));
  }
  return ToAbslStatus(client_->Get(std::move(operation.key)));
}

void FlotillaStore::Start(Operation operation, Done done) {
  auto report = [done = std::move(done)](const auto& result) mutable {
    done(ToAbslStatus(result));
  };
  if (operation.kind == Operation::Kind::kPut) {
    (void)client_->PutAsync(std::move(operation.key), std::move(operation.value))
        .then(std::move(report));
  } else {
    (void)client_->GetAsync(std::move(operation.key)).then(std::move(report));
  }
}

}  // namespace flotilla::bench

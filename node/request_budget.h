// How much a node accepts before it has answered: one count over all its replicas, and over the
// requests that it forwarded.
#ifndef FLOTILLA_NODE_REQUEST_BUDGET_H_
#define FLOTILLA_NODE_REQUEST_BUDGET_H_

#include <cstddef>
#include <optional>
#include <utility>

namespace flotilla::node {

class RequestBudget {
 public:
  RequestBudget(size_t max_requests, size_t max_bytes)
      : max_requests_(max_requests), max_bytes_(max_bytes) {}
  RequestBudget(const RequestBudget&) = delete;
  RequestBudget& operator=(const RequestBudget&) = delete;

  // What one request takes of the budget, given back when it goes. The budget outlives it.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&& other) noexcept {
      if (this == &other) return *this;
      GiveBack();
      budget_ = std::exchange(other.budget_, nullptr);
      bytes_ = other.bytes_;
      return *this;
    }
    ~Share() { GiveBack(); }

    void GiveBack() {
      if (budget_ == nullptr) return;
      --budget_->requests_;
      budget_->bytes_ -= bytes_;
      budget_ = nullptr;
    }

   private:
    friend class RequestBudget;
    Share(RequestBudget& budget, size_t bytes) : budget_(&budget), bytes_(bytes) {}

    RequestBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  // nullopt when nothing is left. While something is, a request of any size gets its share.
  std::optional<Share> Take(size_t bytes) {
    if (requests_ >= max_requests_ || bytes_ >= max_bytes_) return std::nullopt;
    ++requests_;
    bytes_ += bytes;
    return Share(*this, bytes);
  }

  size_t requests() const { return requests_; }
  size_t bytes() const { return bytes_; }

 private:
  const size_t max_requests_;
  const size_t max_bytes_;
  size_t requests_ = 0;
  size_t bytes_ = 0;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REQUEST_BUDGET_H_

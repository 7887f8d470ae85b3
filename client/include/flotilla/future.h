// Results that are not there yet. A Promise is filled once, its Future is read once: by waiting, by
// a continuation, or (from C++20 on) by co_await.
//
// Both may be used from different threads, each from one thread at a time. Dropping a Future does
// not stop what was asked for, only nobody hears of its end.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_FUTURE_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_FUTURE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif

#include "flotilla/export.h"

namespace flotilla {
inline namespace client_v1 {

template <typename T>
class Future;
template <typename T>
class Promise;

namespace internal {

struct Unit {};
template <typename T>
using ValueOf = std::conditional_t<std::is_void_v<T>, Unit, T>;

class Continuation {
 public:
  virtual ~Continuation() = default;
  virtual void Run() = 0;
};

// What a promise and its future share: a reference count, and a word to wait on. std::promise
// takes a mutex, a condition variable and two allocations for the same; a put costs less than that.
class FLOTILLA_EXPORT FutureStateBase {
 public:
  FutureStateBase() = default;
  FutureStateBase(const FutureStateBase&) = delete;
  FutureStateBase& operator=(const FutureStateBase&) = delete;
  virtual ~FutureStateBase();

  void Retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void Release() {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  bool ready() const { return (phase_.load(std::memory_order_acquire) & kReady) != 0; }
  // Aborts when the calling thread is one that must make the future ready itself.
  void Wait();
  // Returns whether it became ready in time.
  bool WaitFor(std::chrono::nanoseconds limit);
  // Runs `continuation` when ready: here and now if it already is. Once per state.
  void Continue(std::unique_ptr<Continuation> continuation);

 protected:
  // Publishes the value: wakes who waits, runs the continuation.
  void MarkReady();

 private:
  static constexpr uint32_t kReady = 1;
  static constexpr uint32_t kSleeper = 2;
  static constexpr uint32_t kContinued = 4;

  std::atomic<uint32_t> references_{1};
  std::atomic<uint32_t> phase_{0};
  std::unique_ptr<Continuation> continuation_;
};

template <typename T>
class FutureState final : public FutureStateBase {
 public:
  void Set(T value) {
    value_.emplace(std::move(value));
    MarkReady();
  }
  // Precondition: ready(), and not taken before.
  T Take() { return *std::move(value_); }

 private:
  std::optional<T> value_;
};

// A counted pointer to a state.
template <typename T>
class StateRef {
 public:
  StateRef() = default;
  explicit StateRef(FutureState<T>* adopted) : state_(adopted) {}
  StateRef(const StateRef& other) : state_(other.state_) {
    if (state_ != nullptr) state_->Retain();
  }
  StateRef(StateRef&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  StateRef& operator=(StateRef other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~StateRef() {
    if (state_ != nullptr) state_->Release();
  }
  FutureState<T>* operator->() const { return state_; }
  explicit operator bool() const { return state_ != nullptr; }

 private:
  FutureState<T>* state_ = nullptr;
};

// Prints what was done wrong with a promise or future, and aborts.
[[noreturn]] FLOTILLA_EXPORT void AbortOnMisuse(const char* what);

template <typename T>
struct Unwrapped {
  using type = T;
  static constexpr bool kIsFuture = false;
};
template <typename T>
struct Unwrapped<Future<T>> {
  using type = T;
  static constexpr bool kIsFuture = true;
};

}  // namespace internal

template <typename T>
class [[nodiscard]] Future {
  using Value = internal::ValueOf<T>;

 public:
  // Of no promise: only to be assigned to.
  Future() = default;
  Future(Future&&) noexcept = default;
  Future& operator=(Future&&) noexcept = default;

  // Whether it still has a result to give: false after get, then or co_await.
  bool valid() const { return static_cast<bool>(state_); }
  // Whether get() would return at once.
  bool ready() const { return state_->ready(); }
  // Returns whether the result came within `limit`.
  bool wait_for(std::chrono::nanoseconds limit) const { return state_->WaitFor(limit); }

  // Waits for the result and takes it. Once. Never in a continuation: it would wait for itself.
  T get() {
    auto state = TakeState();
    state->Wait();
    if constexpr (!std::is_void_v<T>) return state->Take();
  }

  // Calls `then(result)` when the result is there: at once if it already is, else on the thread
  // that brings it, which serves all other calls of the client; so it must not block. Returns the
  // future of what `then` returns; where that is a future itself, of its result.
  template <typename F>
  auto then(F continuation);

#if defined(__cpp_impl_coroutine)
  // co_await: resumes where a continuation would run.
  bool await_ready() const { return ready(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    struct Resume final : internal::Continuation {
      explicit Resume(std::coroutine_handle<> h) : handle(h) {}
      void Run() override { handle.resume(); }
      std::coroutine_handle<> handle;
    };
    // Counted, because the resumed coroutine may destroy this future.
    const internal::StateRef<Value> state = state_;
    state->Continue(std::make_unique<Resume>(waiting));
  }
  T await_resume() {
    auto state = TakeState();
    if constexpr (!std::is_void_v<T>) return state->Take();
  }
#endif

 private:
  friend class Promise<T>;
  explicit Future(internal::StateRef<Value> state) : state_(std::move(state)) {}

  internal::StateRef<Value> TakeState() {
    if (!state_) internal::AbortOnMisuse("a Future gives its result once");
    return std::exchange(state_, {});
  }

  internal::StateRef<Value> state_;
};

// Must be filled before it is destroyed; aborts otherwise, since a waiting thread would never wake.
template <typename T>
class Promise {
  using Value = internal::ValueOf<T>;

 public:
  Promise() : state_(new internal::FutureState<Value>) {}
  Promise(Promise&& other) noexcept = default;
  Promise& operator=(Promise&&) = delete;
  ~Promise() {
    if (state_ && !state_->ready()) internal::AbortOnMisuse("a Promise was dropped unfilled");
  }

  // Once.
  Future<T> future() { return Future<T>(state_); }

  // Once. Runs the future's continuation, if it has one.
  template <typename... Args>
  void set(Args&&... args) {
    // Counted apart: whoever wakes may destroy this promise.
    const internal::StateRef<Value> state = state_;
    state->Set(Value(std::forward<Args>(args)...));
  }

 private:
  internal::StateRef<Value> state_;
};

template <typename T>
Future<std::decay_t<T>> MakeReadyFuture(T&& value) {
  Promise<std::decay_t<T>> promise;
  promise.set(std::forward<T>(value));
  return promise.future();
}

namespace internal {

// Runs `f` on the state's result and fills `promise` with what it returns.
template <typename T, typename F, typename R>
class Link final : public Continuation {
 public:
  Link(StateRef<ValueOf<T>> state, F f) : state_(std::move(state)), f_(std::move(f)) {}
  Future<typename Unwrapped<R>::type> future() { return promise_.future(); }

  void Run() override {
    if constexpr (Unwrapped<R>::kIsFuture) {
      (void)Call().then([promise = std::move(promise_)](auto... result) mutable {
        promise.set(std::move(result)...);
      });
    } else if constexpr (std::is_void_v<R>) {
      Call();
      promise_.set();
    } else {
      promise_.set(Call());
    }
  }

 private:
  R Call() {
    if constexpr (std::is_void_v<T>) {
      return f_();
    } else {
      return f_(state_->Take());
    }
  }

  // Holds the state that holds this: a circle that MarkReady breaks when it takes the continuation.
  StateRef<ValueOf<T>> state_;
  F f_;
  Promise<typename Unwrapped<R>::type> promise_;
};

template <typename T, typename F>
struct ResultOf : std::invoke_result<F, T> {};
template <typename F>
struct ResultOf<void, F> : std::invoke_result<F> {};

}  // namespace internal

template <typename T>
template <typename F>
auto Future<T>::then(F continuation) {
  using R = typename internal::ResultOf<T, F>::type;
  auto state = TakeState();
  auto link = std::make_unique<internal::Link<T, F, R>>(state, std::move(continuation));
  auto result = link->future();
  state->Continue(std::move(link));
  return result;
}

}  // namespace client_v1
}  // namespace flotilla

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_FUTURE_H_

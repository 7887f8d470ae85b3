// CHECK: a broken invariant stops the process before it can lie. Always on, in every build.
// For what the world can cause (disk, network, peers, callers) use absl::Status instead.
#ifndef FLOTILLA_BASE_CHECK_H_
#define FLOTILLA_BASE_CHECK_H_

#include <sstream>
#include <string>
#include <string_view>

namespace flotilla::check_internal {

// Writes "CHECK failed: ..." to stderr and aborts. In tests a death test observes it.
[[noreturn]] void Fail(const char* file, int line, std::string_view what);

template <typename A, typename B>
[[noreturn]] void FailOp(const char* file, int line, const char* text, const A& a, const B& b) {
  std::ostringstream os;
  os << text << " (" << a << " vs " << b << ")";
  Fail(file, line, os.str());
}

// The operands are arguments of a call, so that temporaries in them live until it returns:
// `Find().value()` bound to a reference of its own would dangle.
template <typename Op, typename A, typename B>
void CheckOp(Op op, const char* file, int line, const char* text, const A& a, const B& b) {
  if (!op(a, b)) [[unlikely]] {
    FailOp(file, line, text, a, b);
  }
}

}  // namespace flotilla::check_internal

#define FLOTILLA_CHECK(cond)                                       \
  do {                                                             \
    if (!(cond)) [[unlikely]]                                      \
      ::flotilla::check_internal::Fail(__FILE__, __LINE__, #cond); \
  } while (false)

// CHECK with a message (std::string or string literal) that says what it means.
#define FLOTILLA_CHECK_MSG(cond, msg)                                                        \
  do {                                                                                       \
    if (!(cond)) [[unlikely]]                                                                \
      ::flotilla::check_internal::Fail(__FILE__, __LINE__, std::string(#cond ": ") + (msg)); \
  } while (false)

#define FLOTILLA_CHECK_OP_(op, a, b)                                                       \
  ::flotilla::check_internal::CheckOp([](const auto& x, const auto& y) { return x op y; }, \
                                      __FILE__, __LINE__, #a " " #op " " #b, (a), (b))

#define FLOTILLA_CHECK_EQ(a, b) FLOTILLA_CHECK_OP_(==, a, b)
#define FLOTILLA_CHECK_NE(a, b) FLOTILLA_CHECK_OP_(!=, a, b)
#define FLOTILLA_CHECK_LE(a, b) FLOTILLA_CHECK_OP_(<=, a, b)
#define FLOTILLA_CHECK_LT(a, b) FLOTILLA_CHECK_OP_(<, a, b)
#define FLOTILLA_CHECK_GE(a, b) FLOTILLA_CHECK_OP_(>=, a, b)
#define FLOTILLA_CHECK_GT(a, b) FLOTILLA_CHECK_OP_(>, a, b)

// For checks too slow for production: on in debug and sanitizer builds only.
#ifdef NDEBUG
#define FLOTILLA_DCHECK(cond) \
  do {                        \
  } while (false && (cond))
#else
#define FLOTILLA_DCHECK(cond) FLOTILLA_CHECK(cond)
#endif

#endif  // FLOTILLA_BASE_CHECK_H_

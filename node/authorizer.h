// The one place that decides who may do what. Allows everything for now; access control later
// replaces the implementation and touches no caller.
#ifndef FLOTILLA_NODE_AUTHORIZER_H_
#define FLOTILLA_NODE_AUTHORIZER_H_

#include <string_view>

#include "absl/status/status.h"

namespace flotilla::node {

enum class Action { kRead, kWrite, kAdministrate };

// Keys in [from, to); `to` empty: no end. One key k is [k, k + '\0').
struct KeyRange {
  std::string_view from;
  std::string_view to;
};

// Thread-safe.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // OK or kPermissionDenied.
  virtual absl::Status Authorize(std::string_view principal, Action action,
                                 const KeyRange& range) = 0;
};

class AllowAll : public Authorizer {
 public:
  absl::Status Authorize(std::string_view, Action, const KeyRange&) override {
    return absl::OkStatus();
  }
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_AUTHORIZER_H_

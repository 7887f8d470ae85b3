// Replica::Alive, for the replica's own sources.
#ifndef FLOTILLA_NODE_REPLICA_ALIVE_H_
#define FLOTILLA_NODE_REPLICA_ALIVE_H_

#include <memory>
#include <utility>

#include "node/replica.h"

namespace flotilla::node {

template <typename Callback>
auto Replica::Alive(Callback callback) {
  return [weak = weak_from_this(), callback = std::move(callback)](auto&&... arguments) mutable {
    if (const std::shared_ptr<Replica> self = weak.lock()) {
      callback(std::forward<decltype(arguments)>(arguments)...);
    }
  };
}

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_REPLICA_ALIVE_H_

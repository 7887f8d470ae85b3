// Where the time of a request goes. A port that is null unless someone asked: then nothing is
// measured and nothing is paid.
#ifndef FLOTILLA_NODE_STAGE_OBSERVER_H_
#define FLOTILLA_NODE_STAGE_OBSERVER_H_

#include <string_view>

#include "base/clock.h"

namespace flotilla::node {

enum class Stage {
  kReceived,   // by the node that serves it
  kProposed,   // put into the leader's log
  kDurable,    // synced on the leader's own disk
  kCommitted,  // durable on a majority
  kApplied,    // in the leader's state; the answer leaves
};

class StageObserver {
 public:
  virtual ~StageObserver() = default;
  // On the node's executor. A stage may be reported again, later; the first time counts.
  virtual void OnStage(std::string_view traceparent, Stage stage, MonoTime when) = 0;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_STAGE_OBSERVER_H_

#include "node/freshness.h"

#include <algorithm>

namespace flotilla::node {

void Freshness::Confirmed(MonoTime when, LogIndex index, LogIndex applied) {
  if (index <= applied) {
    fresh_as_of_ = std::max(fresh_as_of_, when);
  } else if (!waiting_.has_value()) {
    waiting_ = Answer{when, index};
  }
}

void Freshness::Applied(LogIndex applied) {
  if (!waiting_.has_value() || waiting_->index > applied) return;
  fresh_as_of_ = std::max(fresh_as_of_, waiting_->when);
  waiting_.reset();
}

}  // namespace flotilla::node

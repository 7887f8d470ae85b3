// How old a replica's state may be: what a stale read says of itself.
//
// Only a read index tells. A leader confirms it by a round of evidence that began after the
// question, so what the asking replica then knows to be in the state at that index is all that had
// been acknowledged when it asked, by this leader or an earlier one, whatever was delayed since. No
// other word proves as much: a message may have been on its way for long, a heartbeat's commit goes
// no further than what its receiver has, and a new leader knows less than the old one promised.
#ifndef FLOTILLA_NODE_FRESHNESS_H_
#define FLOTILLA_NODE_FRESHNESS_H_

#include <optional>

#include "base/clock.h"
#include "base/ids.h"

namespace flotilla::node {

class Freshness {
 public:
  // The question of a read index was asked at `when`, and `index` is the answer: once that is
  // applied, the state is as fresh as that moment was. While one answer waits to be applied, later
  // ones that would have to wait are not noted.
  void Confirmed(MonoTime when, LogIndex index, LogIndex applied);
  void Applied(LogIndex applied);

  // A century ago while nothing is known.
  MonoTime fresh_as_of() const { return fresh_as_of_; }

 private:
  struct Answer {
    MonoTime when;
    LogIndex index;
  };

  MonoTime fresh_as_of_{-std::chrono::hours(24 * 365 * 100)};
  std::optional<Answer> waiting_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_FRESHNESS_H_

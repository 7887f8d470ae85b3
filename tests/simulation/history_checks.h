// What a history must keep besides linearizability: atomic calls on several keys, and the word that
// stale reads give.
#ifndef FLOTILLA_TESTS_SIMULATION_HISTORY_CHECKS_H_
#define FLOTILLA_TESTS_SIMULATION_HISTORY_CHECKS_H_

#include <string>
#include <vector>

#include "tests/simulation/history.h"
#include "tests/simulation/linearizability.h"

namespace flotilla::simulation {

// Keys that are only ever written together, by one atomic call: the twins with the same value, and
// where the log of a group grows by one piece, its count grows by one.
struct KeyGroup {
  std::string tag;

  std::string left() const { return "{" + tag + "}a"; }
  std::string right() const { return "{" + tag + "}b"; }
  std::string count() const { return "{" + tag + "}n"; }
  std::string log() const { return "{" + tag + "}p"; }
  std::vector<std::string> Keys() const { return {left(), right(), count(), log()}; }
};

// Whatever read several keys of the group in one state saw all of a write or nothing.
Judgement CheckAtomicity(const KeyGroup& group, const History& history);

// Stale reads of one key, whose operations these are: what they read was written, and they are no
// further behind than they say. Clocks may run slow by a fifth.
Judgement CheckStaleReads(const std::vector<Operation>& operations);

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_HISTORY_CHECKS_H_

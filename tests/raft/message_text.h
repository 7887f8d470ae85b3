// Messages, entries and outputs as one line of text each, for traces that people read and compare.
#ifndef FLOTILLA_TESTS_RAFT_MESSAGE_TEXT_H_
#define FLOTILLA_TESTS_RAFT_MESSAGE_TEXT_H_

#include <cstdint>
#include <map>
#include <string>

#include "raft/messages.h"
#include "raft/raft_core.h"
#include "raft/types.h"

namespace flotilla::raft {

// 5@2 "x"
std::string TextOf(const Entry& entry);
// voters=(1 2) learners=(3); members are shown as node, and node/replica if those differ.
std::string TextOf(const Configuration& configuration);
std::string TextOf(const Member& member);
// append, vote-request, ...: what a trace calls a message of this kind.
std::string KindOf(const Message& message);

// Keeps small numbers for the read contexts, which are drawn at random.
class MessageText {
 public:
  // 1->2 append term=2 prev=4@2 commit=4 entries=[5@2 "x"]
  std::string Of(const Message& message);

 private:
  int NumberOf(uint64_t context);

  std::map<uint64_t, int> contexts_;
};

}  // namespace flotilla::raft

#endif  // FLOTILLA_TESTS_RAFT_MESSAGE_TEXT_H_

// Whether a message could have been sent by a correct member. Peers are not trusted to be free of
// bugs: what is malformed is ignored before it touches anything.
#ifndef FLOTILLA_RAFT_WELL_FORMED_H_
#define FLOTILLA_RAFT_WELL_FORMED_H_

#include "raft/messages.h"

namespace flotilla::raft {

// Appends: entries follow prev_index without a gap, their terms never decrease nor exceed the
// message's, commands have payloads and configurations can be read. Everything: a term.
bool IsWellFormed(const Message& message);

}  // namespace flotilla::raft

#endif  // FLOTILLA_RAFT_WELL_FORMED_H_

#include "raft/well_formed.h"

#include <variant>

#include "base/bytes.h"
#include "raft/configuration.h"
#include "raft/message_codec.h"

namespace flotilla::raft {

namespace {

bool IsWellFormed(const Entry& entry) {
  switch (entry.kind) {
    case EntryKind::kNoop:
      return true;
    case EntryKind::kCommand:
      return entry.payload != nullptr;
    case EntryKind::kConfiguration: {
      const auto configuration = DecodeConfiguration(View(entry.payload));
      return configuration.ok() && ValidateConfiguration(*configuration).ok();
    }
  }
  return false;
}

bool IsWellFormed(const AppendRequest& request, Term term) {
  LogIndex index = request.prev_index;
  Term previous = request.prev_term;
  for (const Entry& entry : request.entries) {
    if (entry.index != ++index || entry.term < previous || entry.term > term) return false;
    if (!IsWellFormed(entry)) return false;
    previous = entry.term;
  }
  return true;
}

}  // namespace

bool IsWellFormed(const Message& message) {
  if (message.term.is_none()) return false;
  const auto* append = std::get_if<AppendRequest>(&message.body);
  return append == nullptr || IsWellFormed(*append, message.term);
}

}  // namespace flotilla::raft

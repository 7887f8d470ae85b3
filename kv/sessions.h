// Exactly-once sessions (Raft thesis 6.3, generalised to many writes in flight): which there are,
// which answers each holds, and which goes when there are too many.
//
// What is in memory is an index, derived from the session rows and nothing else: a replica that was
// restarted decides as one that was not. Answers stay in their rows until a retry asks for one.
//
// Every entry that uses a session leaves one row, (session, entry), with the answers it gave. The
// newest row also tells how the session stands (last use, acknowledged_below); an older one is
// deleted once all its answers are acknowledged.
#ifndef FLOTILLA_KV_SESSIONS_H_
#define FLOTILLA_KV_SESSIONS_H_

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/ids.h"
#include "kv/command.h"
#include "kv/entry_budget.h"
#include "kv/limits.h"
#include "kv/pending_rows.h"
#include "kv/result.h"
#include "kv/rows.h"
#include "storage/engine.h"

namespace flotilla::kv {

// A session's place in the index. Lives until the session ends.
class Session {
 public:
  const SessionToken& token() const { return token_; }
  uint64_t acknowledged_below() const { return acknowledged_below_; }

 private:
  friend class Sessions;

  struct HeldAnswer {
    uint64_t sequence = 0;
    LogIndex entry;     // whose row has it
    size_t offset = 0;  // in that row's answers
  };
  struct HeldRow {
    LogIndex entry;
    uint32_t unacknowledged = 0;
    uint64_t bytes = 0;
  };

  SessionToken token_;
  uint64_t acknowledged_below_ = 0;
  // The session's first command in the last entry that used it.
  LogIndex used_entry_;
  uint32_t used_position_ = 0;
  Duration used_time_{0};
  std::deque<HeldAnswer> answers_;  // sorted by sequence, none below acknowledged_below_
  std::deque<HeldRow> rows_;        // sorted by entry; the last is that of used_entry_
  uint64_t bytes_ = 0;              // of rows_
  std::string new_answers_;         // given by the entry that is being applied
};

class Sessions {
 public:
  explicit Sessions(const SessionLimits& limits) : limits_(limits) {}
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Rebuilds the index. kDataLoss, kUnimplemented.
  absl::Status Load(const storage::StateReader& state);
  // What Load would make of the rows that `other` stands for, which is between two entries.
  void CopyFrom(const Sessions& other);

  // Every entry with commands is bracketed by these two. `time` is session time and never goes
  // back. Begin forgets what has been idle for too long, a bounded number of rows at a time; what
  // is left of that is unknown all the same.
  void BeginEntry(LogIndex entry, Duration time, PendingRows& rows);
  // Writes a row for each session that the entry used.
  void EndEntry(PendingRows& rows);

  // Registers a session, at the cost of the least recently used when there are too many.
  void Open(const SessionToken& token, PendingRows& rows);
  // Finds a session, counts it as used by the command at `position` of the entry, and forgets
  // answers below `acknowledged_below`. Null when unknown or expired.
  Session* Use(const SessionToken& token, uint32_t position, uint64_t acknowledged_below,
               PendingRows& rows);
  void Close(Session* session, PendingRows& rows);

  // The answer held for a sequence number. kDataLoss when its row is gone or malformed.
  absl::StatusOr<std::optional<CommandResult>> FindAnswer(const Session& session, uint64_t sequence,
                                                          const PendingRows& rows,
                                                          EntryBudget& budget);
  bool HasRoom(const Session& session) const;
  // Precondition: none is held for `sequence`, and there is room.
  void Record(Session* session, uint64_t sequence, const CommandResult& result);

 private:
  // From the least to the most recently used. Those that the current entry used are at the end.
  using ByUse = std::list<Session>;

  bool Expired(const Session& session) const;
  void MarkUsed(ByUse::iterator session, uint32_t position, PendingRows& rows);
  void Acknowledge(Session* session, uint64_t below, PendingRows& rows);
  // One answer of the entry's row is not held any more.
  void ReleaseAnswer(Session* session, LogIndex entry, PendingRows& rows);
  void DropRow(Session* session, const std::deque<Session::HeldRow>::iterator& row,
               PendingRows& rows);
  // Returns the number of rows that it deleted.
  size_t Forget(ByUse::iterator session, PendingRows& rows);
  // The answers that the entry gave; a view that is valid until the next call.
  absl::StatusOr<std::string_view> AnswersOf(const Session& session, LogIndex entry,
                                             const PendingRows& rows, EntryBudget& budget);
  absl::Status LoadRow(std::string_view key, std::string_view value);
  void FinishLoad();

  const SessionLimits& limits_;  // the replica's AppliedState has them
  ByUse by_use_;
  absl::flat_hash_map<SessionToken, ByUse::iterator> by_token_;
  uint64_t bytes_ = 0;  // of all session rows

  LogIndex entry_;
  Duration time_{0};
  // The row that a retry was last answered from, in this entry: retries come many at a time.
  std::string read_row_key_;
  std::string read_row_;
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_KV_SESSIONS_H_

// What a shard's answers must be, told in the simplest way: a map of rows and a list of sessions
// that keep every answer. Knows nothing of rows, batches or restarts. Limits in bytes are left out.
#ifndef FLOTILLA_TESTS_KV_MODEL_H_
#define FLOTILLA_TESTS_KV_MODEL_H_

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "kv/applied_state.h"
#include "kv/command.h"
#include "kv/result.h"

namespace flotilla::kv {

class Model {
 public:
  struct ModelRow {
    std::string value;
    uint64_t version = 0;
    uint64_t created_version = 0;
  };
  using Rows = std::map<std::string, ModelRow>;

  explicit Model(AppliedState state) : state_(std::move(state)) {}

  // One entry of commands.
  std::vector<CommandResult> Apply(LogIndex index, WallTime stamp,
                                   const std::vector<Command>& commands);

  const Rows& rows() const { return rows_; }
  uint64_t revision() const { return revision_; }

 private:
  struct ModelSession {
    SessionToken token;
    Duration last_use{0};
    LogIndex last_entry;
    uint64_t acknowledged_below = 0;
    std::map<uint64_t, CommandResult> answers;
  };

  CommandResult Apply(const Command& command, const SessionToken& here);
  CommandResult ApplyInSession(const Command& command, std::list<ModelSession>::iterator session);
  std::list<ModelSession>::iterator FindSession(const SessionToken& token);

  bool Owns(const Command& command) const;
  CommandResult Execute(const Command& command);
  CommandResult Put(const std::string& key, const std::string& value, bool keeps_created_version);
  CommandResult Execute(const SimpleOperation& operation);
  CommandResult ExecuteAll(const std::vector<SimpleOperation>& operations);
  CommandResult Execute(const DeleteRange& range);
  bool Holds(const Condition& condition) const;

  AppliedState state_;
  Rows rows_;
  uint64_t revision_ = 0;
  WallTime log_time_{};
  Duration session_time_{0};
  std::list<ModelSession> sessions_;  // the least recently used first
};

}  // namespace flotilla::kv

#endif  // FLOTILLA_TESTS_KV_MODEL_H_

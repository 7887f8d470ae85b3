// What a log must hold, as plain values: the oracle of the crash tests. A log that crashed must
// hold the state after some prefix of the records that were handed to it, and every acknowledged
// record must be in that prefix.
#ifndef FLOTILLA_TESTS_STORAGE_LOG_MODEL_H_
#define FLOTILLA_TESTS_STORAGE_LOG_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "storage/log.h"

namespace flotilla::storage {

struct ModelGroup {
  ReplicaId replica;  // none: there is only a tombstone
  ReplicaId lowest_allowed;
  Generation generation;
  raft::HardState hard_state;
  raft::SnapshotMeta snapshot;
  std::string engine_note;
  std::vector<raft::Entry> entries;

  LogIndex last_index() const { return snapshot.index + entries.size(); }
};

class LogModel {
 public:
  void Apply(ShardId group, const LogRecord& record);
  const std::map<ShardId, ModelGroup>& groups() const { return groups_; }

  // One line for each group and tombstone.
  std::string Describe() const;

 private:
  std::map<ShardId, ModelGroup> groups_;
};

// In the words of LogModel::Describe.
std::string Describe(const Recovery& recovery);

// The records that a test handed to a log, in order.
class RecordHistory {
 public:
  // Returns the record's number, from 0.
  size_t Add(ShardId group, LogRecord record, bool must_survive_once_acked = true);
  void Acknowledge(size_t number);
  size_t size() const { return records_.size(); }

  // The length of the prefix that explains what was recovered; nullopt when none does that contains
  // everything acknowledged. The shortest one, when several do.
  std::optional<size_t> FindPrefix(const Recovery& recovery) const;
  // What was recovered is the truth from now on.
  void CutTo(size_t size);
  LogModel After(size_t size) const;

 private:
  struct Record {
    ShardId group;
    LogRecord record;
    bool must_survive_once_acked = true;
  };

  std::vector<Record> records_;
  // How many records must be there.
  size_t acked_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_TESTS_STORAGE_LOG_MODEL_H_

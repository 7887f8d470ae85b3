// The applied state of one replica: its engine and state machine, and the sequences they work on.
// Lives on the node's executor; the blocking work happens elsewhere, and what it found out comes
// back as callbacks on the executor. Callbacks die with the applier.
#ifndef FLOTILLA_NODE_APPLIER_H_
#define FLOTILLA_NODE_APPLIER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/ids.h"
#include "kv/read.h"
#include "kv/state_machine.h"
#include "raft/types.h"
#include "storage/engine.h"

namespace flotilla::node {

// An engine with the state machine that was loaded from it.
struct ReplicaState {
  // Shared with reads that run while a snapshot replaces the engine.
  std::shared_ptr<storage::Engine> engine;
  std::unique_ptr<kv::StateMachine> machine;
};
absl::StatusOr<ReplicaState> OpenReplicaState(storage::EngineSource& engines,
                                              const std::string& folder, std::string_view note,
                                              ShardId shard);

class Applier {
 public:
  struct Applied {
    std::vector<kv::EntryResult> results;
    kv::AppliedState state;  // after the last entry
    storage::EngineStats stats;
    uint64_t log_bytes = 0;         // of the entries that were applied
    std::vector<raft::Entry> rest;  // had no place in the batch: the next to apply
  };
  using DurableListener = absl::AnyInvocable<void(storage::DurablePoint)>;
  using Opener = absl::AnyInvocable<absl::StatusOr<ReplicaState>()>;

  // `state` may be empty: a replica that waits for its first snapshot.
  Applier(ShardId shard, ReplicaState state, SequenceSource& sequences, Executor& home,
          DurableListener on_durable);

  bool has_state() const { return holder_->engine != nullptr; }
  // As of the opening of the state; only before the first Apply after it.
  const kv::AppliedState& state() const { return holder_->machine->applied(); }
  storage::DurablePoint durable() const { return holder_->engine->Durable(); }

  // Applies consecutive entries, as many as make a batch. One call at a time; any error is fatal to
  // the replica, but for a full disk: then `done` waits until a RetryApply has found room.
  void Apply(std::vector<raft::Entry> entries,
             absl::AnyInvocable<void(absl::StatusOr<Applied>)> done);
  // An Apply is under way and found no room.
  bool waits_for_space() const { return retry_ != nullptr; }
  // Only then: tries to write again what was applied.
  void RetryApply();

  // Executes reads on the newest state. `done` gets one result per read, in order; in several calls
  // when they are large, so that few of them are in memory at once.
  static constexpr size_t kReadResultBytes = 8 << 20;
  using ReadResults = std::vector<absl::StatusOr<kv::ReadResult>>;
  void Read(std::vector<kv::ReadRequest> reads, absl::AnyInvocable<void(ReadResults)> done);

  // Only the durable listener counts; an error is reported to `on_error`.
  void Flush(absl::AnyInvocable<void(absl::Status)> on_error);

  // A copy of a durable state: where it stands, and the note that it must be opened with.
  struct Copy {
    kv::AppliedState state;
    std::string note;
  };
  void Checkpoint(storage::EngineSource& engines, std::string folder,
                  absl::AnyInvocable<void(absl::StatusOr<Copy>)> done);

  // Makes the folder of a child to come, empty and durable, while the state is still being flushed.
  void PrepareChild(Disk& disk, std::string folder);
  // A copy of the state, which stands at a split and is durable, opened as the child's. In the
  // folder that was prepared last.
  struct Child {
    ReplicaState state;
    std::string note;
  };
  void MakeChild(Disk& disk, storage::EngineSource& engines,
                 absl::AnyInvocable<void(absl::StatusOr<Child>)> done);

  // After everything applied so far: drops the state and opens another. `done` gets where the new
  // one stands.
  void Replace(Opener open, absl::AnyInvocable<void(absl::StatusOr<kv::AppliedState>)> done);

 private:
  // Reached from jobs on the sequences.
  struct Holder {
    std::shared_ptr<storage::Engine> engine;  // replaced on the apply sequence, read on the others
    std::unique_ptr<kv::StateMachine> machine;  // only on the apply sequence
    DurableListener on_durable;                 // only on the executor
    // Of the last Apply; only on the apply sequence. The machine has moved on already, so what it
    // asked for is kept until it is written.
    Applied applied;
    storage::WriteBatch batch;
    absl::StatusOr<std::string> child_folder;  // only on the apply sequence
  };
  static absl::StatusOr<Copy> CheckpointNow(storage::Engine& engine, storage::EngineSource& engines,
                                            const std::string& folder, ShardId shard);
  static absl::StatusOr<Child> MakeChildNow(Holder& holder, Disk& disk,
                                            storage::EngineSource& engines);
  using ApplyDone = absl::AnyInvocable<void(absl::StatusOr<Applied>)>;
  static absl::Status ApplyNow(Holder& holder, std::vector<raft::Entry> entries);
  static absl::StatusOr<Applied> WriteNow(Holder& holder);
  void RunWrite(absl::AnyInvocable<absl::Status(Holder&)> prepare, ApplyDone done);
  struct Reading;
  static void ReadNow(Reading& reading);
  void RunRead(const std::shared_ptr<Reading>& reading);
  static void Listen(Executor& home, const std::shared_ptr<Holder>& holder);

  const ShardId shard_;
  Executor& home_;
  std::shared_ptr<Holder> holder_;
  ApplyDone retry_;  // null unless waits_for_space
  const std::unique_ptr<Sequence> apply_;
  const std::unique_ptr<Sequence> read_;
  const std::unique_ptr<Sequence> bulk_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_APPLIER_H_

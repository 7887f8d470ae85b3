// The applied state of one replica: its engine and state machine, and the sequences they work on.
// Lives on the node's executor; the blocking work happens elsewhere, and what it found out comes
// back as callbacks on the executor. Callbacks die with the applier.
#ifndef FLOTILLA_NODE_APPLIER_H_
#define FLOTILLA_NODE_APPLIER_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/executor.h"
#include "base/ids.h"
#include "kv/read.h"
#include "kv/state_machine.h"
#include "node/child_draft.h"
#include "node/replica_state.h"
#include "raft/types.h"
#include "storage/engine.h"

namespace flotilla::node {

class Applier {
 public:
  struct Applied {
    std::vector<kv::EntryResult> results;
    kv::AppliedState state;  // after the last entry
    storage::EngineStats stats;
    uint64_t log_bytes = 0;         // of the entries that were applied
    std::vector<raft::Entry> rest;  // had no place in the batch: the next to apply
    // The state stands at a split, the draft of the child too, and is being flushed.
    std::unique_ptr<ChildDraft> draft;
  };
  using DurableListener = absl::AnyInvocable<void(storage::DurablePoint)>;
  using Opener = absl::AnyInvocable<absl::StatusOr<ReplicaState>()>;

  // `state` may be empty: a replica that waits for its first snapshot. What drafts leave behind
  // when the applier goes is given to `remove_folder`.
  Applier(ShardId shard, ReplicaState state, SequenceSource& sequences, Executor& home,
          DurableListener on_durable, std::function<void(std::string)> remove_folder);
  ~Applier();
  Applier(const Applier&) = delete;
  Applier& operator=(const Applier&) = delete;

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

  // A draft of a child (applier_child.cc) in `folder`; `generation` names it. Of several the last
  // one counts. What is applied from now on is kept for it; it is given up where that is too much,
  // or where the shard is not of this version any more. `done` gets where the state stands: what it
  // has there must be durable before OpenDraft.
  void BeginDraft(Generation generation, uint64_t shard_version, std::string folder,
                  uint64_t kept_bytes_max, absl::AnyInvocable<void(LogIndex)> done);
  // From then on it goes along with the state, up to the next split, where Apply hands it over.
  // `on_durable` runs whenever more of it is durable.
  void OpenDraft(Generation generation, Disk& disk, storage::EngineSource& engines, Task on_durable,
                 absl::AnyInvocable<void(absl::Status)> done);
  // Has it be given up; also while it is opened, which then fails.
  void CancelDraft(Generation generation);
  // Drops it, wherever it is, with its folder. Not while it is opened.
  void DropDraft(Generation generation, std::unique_ptr<ChildDraft> taken, Disk& disk);
  // One that was handed over and is being dropped.
  void CloseDraft(std::unique_ptr<ChildDraft> draft);
  // The folder is a child's now.
  void DraftBecameChild(Generation generation) { drafts_.erase(generation); }

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
  struct Drafting {
    std::string folder;
    // Not to be opened any more. The state may have gone past the split meanwhile.
    std::atomic<bool> given_up = false;
    // On its way from the bulk sequence to the apply sequence.
    absl::StatusOr<std::unique_ptr<ChildDraft>> opened;
    // The rest only on the apply sequence. While it is being opened: what was applied since, and
    // how much more that may be.
    std::vector<raft::Entry> kept;
    uint64_t kept_bytes_left = 0;
    std::unique_ptr<ChildDraft> draft;  // null until it is open
  };
  // Reached from jobs on the sequences.
  struct Holder {
    std::shared_ptr<storage::Engine> engine;  // replaced on the apply sequence, read on the others
    std::unique_ptr<kv::StateMachine> machine;  // only on the apply sequence
    DurableListener on_durable;                 // only on the executor
    // Of the last Apply; only on the apply sequence. The machine has moved on already, so what it
    // asked for is kept until it is written.
    Applied applied;
    storage::WriteBatch batch;
    // What is to follow; only on the apply sequence. Null when there is no draft, or it was given
    // up.
    std::shared_ptr<Drafting> drafting;
    absl::StatusOr<std::string> child_folder;  // only on the apply sequence
  };
  static absl::StatusOr<Copy> CheckpointNow(storage::Engine& engine, storage::EngineSource& engines,
                                            const std::string& folder, ShardId shard);
  void AdoptDraft(std::shared_ptr<Drafting> drafting, absl::AnyInvocable<void(absl::Status)> done);
  static absl::Status AdoptDraftNow(Holder& holder, const std::shared_ptr<Drafting>& drafting);
  static void GiveUpDraft(Holder& holder);
  static void FollowWithDraft(Holder& holder, std::span<const raft::Entry> entries);
  static std::unique_ptr<ChildDraft> TakeDraftAtSplit(Holder& holder);
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
  const std::function<void(std::string)> remove_folder_;
  // Those whose folders are neither removed nor a child's.
  std::map<Generation, std::shared_ptr<Drafting>> drafts_;
  std::unique_ptr<Sequence> apply_;
  std::unique_ptr<Sequence> read_;
  std::unique_ptr<Sequence> bulk_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_APPLIER_H_

#include "node/replica_reopen.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

constexpr Duration kFirstDelay = std::chrono::seconds(1);
constexpr Duration kLongestDelay = std::chrono::seconds(30);
// A failure this long after the last one has nothing to do with it.
constexpr Duration kCalm = std::chrono::minutes(2);
constexpr size_t kReadBytes = 8 << 20;
constexpr int kMovedMax = 10;

// Only the caller keeps it: no callback does anything once it is gone, and destroying it waits for
// the job that runs.
class Reopening : public std::enable_shared_from_this<Reopening> {
  template <typename Callback>
  auto Alive(Callback callback) {
    return [weak = weak_from_this(), callback = std::move(callback)](auto&&... arguments) mutable {
      if (const auto self = weak.lock()) callback(std::forward<decltype(arguments)>(arguments)...);
    };
  }

 public:
  Reopening(ShardId shard, ReplicaContext& context, ReplicaStarted done)
      : shard_(shard),
        context_(context),
        done_(std::move(done)),
        sequence_(
            context.env.sequences.NewSequence(SequenceSource::Use::kApply, context.env.executor)) {}

  // What the replica had still to write when it stopped must be durable first.
  void Begin() {
    context_.log.Append(shard_, storage::AppendRecord{.must_sync = false},
                        Alive([this] { Recall(); }));
    context_.touch(shard_);
  }

 private:
  void Recall() {
    std::optional<storage::RecalledGroup> recalled = context_.log.Recall(shard_);
    if (!recalled.has_value()) {
      Done(absl::NotFoundError("the replica was removed"));
      return;
    }
    group_ = std::move(recalled->group);
    last_ = recalled->last_index;
    auto opened = std::make_shared<absl::StatusOr<ReplicaState>>(ReplicaState());
    sequence_->Run([this, opened] { *opened = OpenState(); },
                   [this, opened] {
                     if (opened->ok()) {
                       state_ = *std::move(*opened);
                       ReadEntries(group_.snapshot.index.next());
                     } else {
                       Done(opened->status());
                     }
                   });
  }

  absl::StatusOr<ReplicaState> OpenState() {
    // Transfers that ended with the replica may have left something. What cannot be removed now
    // goes at the next start.
    (void)context_.folder.RemoveOtherGenerations(shard_, group_.generation);
    if (group_.generation.is_none()) return ReplicaState();
    return OpenAppliedState(group_, last_, context_);
  }

  void ReadEntries(LogIndex first) {
    if (first > last_) {
      Done(StartFrom(group_, std::move(state_), context_.options.node));
      return;
    }
    context_.log.ReadEntries(shard_, first, last_, kReadBytes,
                             Alive([this](absl::StatusOr<std::vector<raft::Entry>> entries) {
                               OnEntries(std::move(entries));
                             }));
  }

  // The log moves entries out of segments that it wants to free, at any time: until that is durable
  // they can be read nowhere.
  void AwaitDurability() {
    const LogIndex next =
        group_.entries.empty() ? group_.snapshot.index.next() : group_.entries.back().index.next();
    context_.log.Append(shard_, storage::AppendRecord{.must_sync = true},
                        Alive([this, next] { ReadEntries(next); }));
    context_.touch(shard_);
  }

  void OnEntries(absl::StatusOr<std::vector<raft::Entry>> entries) {
    if (absl::IsNotFound(entries.status()) && ++moved_ <= kMovedMax) {
      AwaitDurability();
      return;
    }
    if (!entries.ok()) {
      Done(entries.status());
      return;
    }
    const LogIndex applied =
        state_.machine == nullptr ? group_.snapshot.index : state_.machine->applied().index;
    for (raft::Entry& entry : *entries) {
      // The payloads of applied commands are not needed in memory.
      const bool applied_command =
          entry.index <= applied && entry.kind == raft::EntryKind::kCommand;
      if (applied_command) entry.payload = nullptr;
      group_.entries.push_back(std::move(entry));
    }
    ReadEntries(group_.entries.back().index.next());
  }

  // The last thing that happens: the caller lets go of it.
  void Done(absl::StatusOr<ReplicaStart> start) {
    const ReplicaStarted done = std::move(done_);
    const std::shared_ptr<Reopening> self = shared_from_this();
    // Closed before anybody could open it again.
    state_ = {};
    done(std::move(start));
  }

  const ShardId shard_;
  ReplicaContext& context_;
  ReplicaStarted done_;
  storage::RecoveredGroup group_;
  LogIndex last_;
  int moved_ = 0;  // how often entries were on the move
  ReplicaState state_;
  // The last member: its jobs use the others.
  const std::unique_ptr<Sequence> sequence_;
};

}  // namespace

MonoTime ReopenBackoff::Failed(MonoTime now) {
  const bool calm = !last_failure_.has_value() || now - *last_failure_ > kCalm;
  delay_ = calm ? kFirstDelay : std::min(2 * delay_, kLongestDelay);
  last_failure_ = now;
  return now + delay_;
}

std::shared_ptr<void> ReopenReplica(ShardId shard, ReplicaContext& context, ReplicaStarted done) {
  auto reopening = std::make_shared<Reopening>(shard, context, std::move(done));
  reopening->Begin();
  return reopening;
}

}  // namespace flotilla::node

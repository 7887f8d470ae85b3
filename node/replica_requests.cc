// How a replica serves requests: writes to the core or on to the leader, reads through a read
// index, and nobody beyond the deadline.
#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "kv/command.h"
#include "node/errors.h"
#include "node/replica.h"
#include "node/replica_alive.h"

namespace flotilla::node {

namespace {

// Below this many writes in flight every turn proposes: there is nothing to gain by waiting.
constexpr size_t kWritesWithoutSpacing = 4;
// One batch of reads is executed while the next is on its way. What comes meanwhile shares a batch.
constexpr size_t kReadBatches = 2;
// Without linearizable reads, this often: what a stale read says of its age is about that exact.
constexpr Duration kIdleReadRounds = std::chrono::milliseconds(200);
// For a command of the shard's own to be committed and applied.
constexpr Duration kCommandLimit = std::chrono::seconds(10);

ReadReply ToReply(absl::StatusOr<kv::ReadResult> result, const Route& route, Duration lag) {
  if (!result.ok()) {
    const bool caller = result.status().code() == absl::StatusCode::kInvalidArgument;
    return {.error = caller ? InvalidRequest(result.status()) : ReplicaFailed(result.status()),
            .result = {},
            .lag = {}};
  }
  if (result->wrong_shard) return {.error = WrongShard(route), .result = {}, .lag = {}};
  return {.error = {}, .result = *std::move(result), .lag = lag};
}

// Of requests that are for one slot. Half of what a shard serves of the others would come to both
// halves if it were split.

std::optional<sharding::Slot> SlotOf(const SharedBytes& command) {
  const absl::StatusOr<kv::Command> decoded = kv::DecodeCommand(View(command));
  return decoded.ok() ? kv::SlotOf(*decoded) : std::nullopt;
}

std::optional<sharding::Slot> SlotOf(const kv::ReadRequest& read) {
  if (const auto* get = std::get_if<kv::Get>(&read.operation)) return sharding::SlotOf(get->key);
  if (const auto* page = std::get_if<kv::ScanPage>(&read.operation)) {
    return sharding::SlotOfRange(page->from, page->to);
  }
  std::optional<sharding::Slot> shared;
  for (const std::string& key : std::get<kv::BatchGet>(read.operation).keys) {
    const sharding::Slot slot = sharding::SlotOf(key);
    if (shared.value_or(slot) != slot) return std::nullopt;
    shared = slot;
  }
  return shared;
}

}  // namespace

void Replica::CountServed(LoadMeter::SlotOf slot_of) {
  load_.Count();
  if (!IsLeader()) return;
  meter_.Count([&]() -> std::optional<sharding::Slot> {
    const std::optional<sharding::Slot> slot = slot_of();
    // What is asked of the wrong shard says nothing of where to cut this one.
    return slot.has_value() && applied_.descriptor.arc.Contains(*slot) ? slot : std::nullopt;
  });
}

// What can be said without asking anyone. The state machine checks ownership again, per command.
std::optional<Error> Replica::Refuse(const RequestContext& context, const Target& target) const {
  if (failure_.has_value()) return ReplicaFailed(*failure_);
  if (context.deadline <= Now()) return DeadlineExceeded(Outcome::kNotApplied);
  const uint64_t version = applied_.descriptor.version;
  if (target.version != 0 && applier_.has_state() && target.version != version) {
    return WrongShard(CurrentRoute());
  }
  return std::nullopt;
}

void Replica::Write(WriteRequest request, WriteDone done, RequestBudget::Share share) {
  std::optional<Error> refusal = Refuse(request.context, request.target);
  if (!refusal.has_value() && IsLeader()) {
    if (context_.disk_low || context_.log.Status().disk_full || applier_.waits_for_space()) {
      refusal = DiskFull();
    } else if (context_.log.Status().overloaded) {
      refusal = Overloaded("the log's disk is behind");
    } else if (engine_stats_.stalled && writes_.has_waiting()) {
      refusal = Overloaded("the storage engine is behind with its compactions");
    }
  }
  if (refusal.has_value()) {
    done({.error = *std::move(refusal), .result = {}});
    return;
  }
  // Whoever forwards a write does not serve it.
  if (IsLeader()) CountServed([&request] { return SlotOf(request.command); });
  writes_.Add({std::move(request), std::move(done), std::move(share)});
  Touch();
}

void Replica::RunCommand(kv::Operation operation, WriteDone done) {
  PendingWrite write;
  write.request.context.deadline = Now() + kCommandLimit;
  write.request.target = {.shard = shard_, .version = 0, .forwarded = true};
  write.request.command = MakeBytes(kv::EncodeCommand({.operation = std::move(operation)}));
  write.done = std::move(done);
  writes_.Add(std::move(write));
  Touch();
}

void Replica::Read(ReadRequest request, ReadDone done, RequestBudget::Share share) {
  if (std::optional<Error> refusal = Refuse(request.context, request.target)) {
    done({.error = *std::move(refusal), .result = {}, .lag = {}});
    return;
  }
  CountServed([&request] { return SlotOf(request.read); });
  PendingRead read{std::move(request), std::move(done), std::move(share)};
  if (read.request.level == ReadLevel::kLinearizable) {
    reads_.Add(std::move(read));
  } else if (applier_.has_state()) {
    reads_.AddReady(std::move(read));
  } else {
    read.Answer({.error = NoLeader(), .result = {}, .lag = {}});
    return;
  }
  Touch();
}

void Replica::DispatchWrites() {
  if (!writes_.has_waiting()) return;
  if (IsLeader()) {
    if (RoundIsDue()) ProposeWaiting();
  } else if (!core_.leader().node.is_none() && !writes_wait_for_tick_) {
    ForwardWaitingWrites();
  }
  // Without a leader they wait for one, or for their deadlines.
}

void Replica::ForwardWaitingWrites() {
  const NodeId leader = core_.leader().node;
  for (PendingWrite& write : writes_.TakeWaiting()) {
    if (write.request.target.forwarded) {
      write.Answer({.error = NotLeader(CurrentRoute()), .result = {}});
    } else {
      Forward(leader, std::move(write));
    }
  }
}

// A write that certainly did not happen, because the node that was asked leads no more, waits for
// the next leader. Any other answer is the caller's: nobody here repeats what may have happened.
void Replica::Forward(NodeId leader, PendingWrite write) {
  context_.metrics.writes_forwarded.Add();
  WriteRequest request = write.request;
  context_.forwarder.Write(
      leader, std::move(request),
      [weak = weak_from_this(), write = std::move(write)](WriteReply reply) mutable {
        const Reason reason = reply.error.reason;
        const bool leads_no_more = reason == Reason::kNotLeader || reason == Reason::kShuttingDown;
        const bool happened = reply.error.ok() || reply.error.outcome != Outcome::kNotApplied;
        const std::shared_ptr<Replica> self = weak.lock();
        if (self == nullptr || self->failure_.has_value() || happened || !leads_no_more) {
          write.Answer(std::move(reply));
          return;
        }
        self->writes_wait_for_tick_ = true;
        self->writes_.Add(std::move(write));
        self->Touch();
      });
}

bool Replica::RoundIsDue() {
  const MonoTime now = Now();
  const bool full = writes_.waiting_bytes() >= context_.options.max_entry_bytes;
  if (writes_.in_flight() < kWritesWithoutSpacing || full || now >= next_round_) return true;
  if (!round_timer_armed_) {
    round_timer_armed_ = true;
    context_.env.executor.PostAt(next_round_, Alive([this] {
                                   round_timer_armed_ = false;
                                   Touch();
                                 }));
  }
  return false;
}

void Replica::ProposeWaiting() {
  const MonoTime now = Now();
  const WallTime log_time = context_.env.clock.WallNow();
  next_round_ = now + context_.options.round_spacing;
  while (writes_.has_waiting()) {
    std::vector<PendingWrite> batch = writes_.TakeBatch(context_.options.max_entry_bytes);
    std::vector<std::string_view> commands;
    commands.reserve(batch.size());
    for (const PendingWrite& write : batch) commands.push_back(View(write.request.command));
    const absl::StatusOr<raft::Position> position =
        core_.Propose(MakeBytes(kv::EncodeEntryPayload(log_time, commands)));
    if (!position.ok()) {
      // Too much is uncommitted, or leadership is on its way elsewhere: both pass.
      writes_.ReturnBatch(std::move(batch));
      return;
    }
    context_.metrics.entries_proposed.Add();
    context_.metrics.commands_proposed.Add(batch.size());
    writes_.Proposed(*position, std::move(batch));
    if (context_.env.stages != nullptr) {
      writes_.Mark(*context_.env.stages, Stage::kProposed, position->index, now);
    }
  }
}

// Also when no read waits for it, now and then: for stale reads, which ask nobody.
void Replica::RegisterReads() {
  const bool idle = !reads_.has_waiting() && Now() < last_read_round_ + kIdleReadRounds;
  if (idle || reads_wait_for_tick_) return;
  const absl::StatusOr<raft::ReadId> id = core_.ReadIndex();
  if (id.ok()) {
    context_.metrics.read_rounds.Add();
    last_read_round_ = Now();
    reads_.Registered(*id, last_read_round_);
  } else {
    reads_wait_for_tick_ = true;
  }
}

void Replica::ServeReads() {
  while (reads_.executing() < kReadBatches) {
    std::optional<ReadBatch> batch = reads_.TakeReady(applied_.index);
    if (!batch.has_value()) return;
    applier_.Read(std::move(batch->reads),
                  Alive([this, id = batch->id,
                         fresh_as_of = freshness_.fresh_as_of()](Applier::ReadResults results) {
                    OnReadsExecuted(id, fresh_as_of, std::move(results));
                  }));
  }
}

void Replica::OnReadsExecuted(uint64_t batch, MonoTime fresh_as_of, Applier::ReadResults results) {
  absl::Status lost;
  for (const absl::StatusOr<kv::ReadResult>& result : results) {
    if (absl::IsDataLoss(result.status())) lost = result.status();
  }
  const Route route = CurrentRoute();
  const Duration lag = Now() - fresh_as_of;
  std::vector<PendingRead> reads = reads_.Executed(batch, results.size());
  for (size_t i = 0; i < reads.size(); ++i) {
    if (reads[i].answered()) continue;
    const bool stale = reads[i].request.level == ReadLevel::kStale;
    reads[i].Answer(ToReply(std::move(results[i]), route, stale ? lag : Duration(0)));
  }
  if (!lost.ok()) Fail(lost);
  Touch();
}

void Replica::ArmDeadlineTimer() {
  std::optional<MonoTime> earliest = writes_.EarliestDeadline();
  if (const auto reads = reads_.EarliestDeadline(); reads.has_value()) {
    earliest = std::min(earliest.value_or(*reads), *reads);
  }
  if (!earliest.has_value()) return;
  if (deadline_armed_for_.has_value() && *deadline_armed_for_ <= *earliest) return;
  context_.env.executor.Cancel(deadline_timer_);
  deadline_armed_for_ = earliest;
  deadline_timer_ = context_.env.executor.PostAt(*earliest, Alive([this] { OnDeadline(); }));
}

void Replica::OnDeadline() {
  deadline_armed_for_.reset();
  writes_.Expire(Now());
  reads_.Expire(Now());
  Touch();
}

}  // namespace flotilla::node

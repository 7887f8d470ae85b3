// Operations as the directory records them: begun and ended by the balancer, or
// asked for, shown and cancelled.
#include <algorithm>
#include <memory>
#include <utility>

#include "node/node_impl.h"

namespace flotilla::node {

void NodeImpl::RecordOperations(kv::OperationNews news, std::function<void(bool ok)> done) {
  keeper_->Change([news = std::move(news)](const kv::Directory& directory)
                      -> absl::StatusOr<kv::DirectoryChange> { return directory.Record(news); },
                  [done = std::move(done)](const absl::Status& status) { done(status.ok()); });
}

absl::Status NodeImpl::NotTheDirectorysLeader() const {
  const NodeId leader = DirectoryLeader();
  if (leader.is_none() || leader == options_.node) {
    return absl::UnavailableError("the directory has no leader now");
  }
  return absl::FailedPreconditionError("node " + ToString(leader) +
                                       " leads the directory, not this one");
}

absl::StatusOr<std::vector<OperationStatus>> NodeImpl::Operations() const {
  if (keeper_->directory() == nullptr) return NotTheDirectorysLeader();
  const WallTime now = env_.clock.WallNow();
  std::vector<OperationStatus> operations;
  for (const auto& [id, record] : keeper_->directory()->operations()) {
    const Duration since = (record.has_ended() ? record.ended : now) - record.begun;
    OperationStatus& operation = operations.emplace_back();
    operation = {.record = record, .since = std::max(since, Duration(0)), .progress = {}};
    const auto step = balancer_->under_way().find(ShardOf(record.step));
    if (step == balancer_->under_way().end() || step->second.operation != id) continue;
    operation.progress = ProgressOf(step->second);
  }
  return operations;
}

void NodeImpl::BeginOperation(const sharding::Step& step,
                              absl::AnyInvocable<void(absl::StatusOr<kv::OperationId>)> done) {
  if (keeper_->directory() == nullptr || DirectoryReplica() == nullptr) {
    return done(NotTheDirectorysLeader());
  }
  const absl::StatusOr<kv::OperationRecord> asked =
      balancer_->Asked(step, SightOfBalancer(*keeper_->directory()));
  if (!asked.ok()) return done(asked.status());
  struct Begun {
    absl::AnyInvocable<void(absl::StatusOr<kv::OperationId>)> done;
    kv::OperationId id;
  };
  const auto begun = std::make_shared<Begun>(Begun{std::move(done), {}});
  keeper_->Change(
      [begun, asked = *asked, now = env_.clock.WallNow()](const kv::Directory& directory) {
        absl::StatusOr<kv::DirectoryChange> change = directory.Begin(asked, now);
        if (change.ok()) begun->id = change->operations.back().id;
        return change;
      },
      [begun](const absl::Status& status) {
        begun->done(status.ok() ? absl::StatusOr<kv::OperationId>(begun->id) : status);
      });
}

void NodeImpl::CancelOperation(kv::OperationId operation,
                               absl::AnyInvocable<void(absl::Status)> done) {
  if (keeper_->directory() == nullptr) return done(NotTheDirectorysLeader());
  keeper_->Change(
      [operation](const kv::Directory& directory) { return directory.Cancel(operation); },
      [done = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(done))](
          const absl::Status& status) { (*done)(status); });
}

}  // namespace flotilla::node

// What the balancer would do, for whoever asks the node that leads the directory.
#include <memory>
#include <utility>

#include "node/node_impl.h"
#include "node/plan_basis.h"

namespace flotilla::node {

void NodeImpl::PlanChanges(const std::vector<DutyChange>& changes,
                           absl::AnyInvocable<void(absl::StatusOr<PlanPreview>)> done) {
  if (keeper_->directory() == nullptr || DirectoryReplica() == nullptr) {
    return done(NotTheDirectorysLeader());
  }
  // A bound on what callers can have computed.
  if (previewing_) return done(absl::ResourceExhaustedError("another plan is being made"));
  const absl::StatusOr<kv::Directory> directory = WithDuties(*keeper_->directory(), changes);
  if (!directory.ok()) return done(directory.status());
  absl::StatusOr<PlanBasis> basis = balancer_->Basis(SightOfBalancer(*directory), ReplicasWanted());
  if (!basis.ok()) return done(basis.status());
  struct Job {
    const PlanBasis basis;
    PlanPreview preview;
  };
  const auto job = std::make_shared<Job>(Job{*std::move(basis), {}});
  previewing_ = true;
  preview_->Run([job] { job->preview = PreviewOf(job->basis); },
                [this, job, done = std::move(done)]() mutable {
                  previewing_ = false;
                  done(std::move(job->preview));
                });
}

}  // namespace flotilla::node

#include "node/directory_reporter.h"

#include <string>
#include <utility>

#include "base/status_macros.h"

namespace flotilla::node {

namespace {

// Collecting a report costs a little for every shard that is led here.
constexpr Duration kLookInterval = std::chrono::milliseconds(100);
constexpr Duration kReportInterval = std::chrono::seconds(1);
// Whoever has not answered for so long is not asked alone any more.
constexpr Duration kSilence = std::chrono::seconds(3);

// What must be told at once. Counters and learners' progress change all the time, and can wait.
bool IsNews(DirectoryReport now, DirectoryReport before) {
  for (DirectoryReport* report : {&now, &before}) {
    report->map_version = 0;
    for (ShardReport& shard : report->shards) {
      shard.claim.counters = {};
      shard.learners.clear();
      shard.load_sample = {};
    }
  }
  return now != before;
}

}  // namespace

NodeId DirectoryReporter::ChooseTarget(NodeId leader, std::span<const NodeId> others) {
  if (!leader.is_none()) return leader_ = leader;
  if (clock_.Now() - heard_at_ > kSilence) leader_ = NodeId();
  if (!leader_.is_none() || others.empty()) return leader_;
  return others[next_other_++ % others.size()];
}

void DirectoryReporter::Tick(NodeId leader, std::span<const NodeId> others,
                             absl::FunctionRef<DirectoryReport()> make_report) {
  const MonoTime now = clock_.Now();
  if (now < looked_at_ + kLookInterval) return;
  looked_at_ = now;
  DirectoryReport report = make_report();
  const bool due = leader_.is_none() || now >= sent_at_ + kReportInterval;
  const bool moved = !leader.is_none() && leader != leader_;
  if (!due && !moved && last_.has_value() && !IsNews(report, *last_)) return;
  const NodeId to = ChooseTarget(leader, others);
  if (to.is_none()) return;
  sent_at_ = now;
  report.map_version = map_.version();
  last_ = report;
  send_(to, report);
}

void DirectoryReporter::OnUpdate(const DirectoryUpdate& update) {
  // Who points at us, who know better, or at nobody, has told nothing.
  if (update.leader.is_none() || (update.leader == self_ && !update.news.has_value())) return;
  // Word of mouth alone does not keep a leader alive.
  if (update.news.has_value() || update.leader != leader_) heard_at_ = clock_.Now();
  leader_ = update.leader;
  if (!update.news.has_value()) return;
  // A copy that is too old for the delta asks again, by its version.
  const absl::Status applied = map_.Apply(update.news->shards);
  if (!applied.ok() && !absl::IsFailedPrecondition(applied)) {
    logger_.Error("directory_update_refused",
                  {{"leader", update.leader}, {"error", std::string(StdView(applied.message()))}});
    map_ = {};  // the whole map comes with the next update
  }
  nodes_.clear();
  for (const sharding::NodeRecord& node : update.news->nodes) nodes_.emplace(node.node, node);
}

}  // namespace flotilla::node

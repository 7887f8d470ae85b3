#include "server/health_pages.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flotilla::server {
namespace {

// A busy executor reports late; one that is this late hangs.
constexpr Duration kHung = std::chrono::seconds(10);
constexpr Duration kLate = std::chrono::seconds(2);

struct HealthCheck {
  const char* name;
  bool ok;
  std::string complaint;
};

HttpReply Page(const std::vector<HealthCheck>& checks, const HttpQuery& query) {
  HttpReply reply;
  std::string lines;
  for (const HealthCheck& check : checks) {
    if (!check.ok) reply.status = 503;
    absl::StrAppend(&lines, check.ok ? "[+]" : "[-]", check.name,
                    check.ok ? " ok" : absl::StrCat(" failed: ", check.complaint), "\n");
  }
  const bool all_ok = reply.status == 200;
  reply.body = absl::StrCat(query.verbose || !all_ok ? lines : "", all_ok ? "ok\n" : "not ready\n");
  return reply;
}

HealthCheck CheckExecutor(const StatusBoard& board, Duration patience) {
  const auto report = board.Latest();
  if (report == nullptr) return {"executor", false, "the node is only starting"};
  const Duration age = board.AgeOf(*report);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(age).count();
  return {"executor", age < patience, absl::StrCat("it has said nothing for ", millis, " ms")};
}

}  // namespace

HttpReply LivePage(const StatusBoard& board, const HttpQuery& query) {
  // A node that is still reading its log is alive.
  if (board.Latest() == nullptr) return Page({{"process", true, ""}}, query);
  return Page({{"process", true, ""}, CheckExecutor(board, kHung)}, query);
}

HttpReply ReadyPage(const StatusBoard& board, const HttpQuery& query) {
  const auto report = board.Latest();
  std::vector<HealthCheck> checks = {CheckExecutor(board, kLate)};
  if (report == nullptr) return Page(checks, query);
  const node::NodeStatus& status = report->status;
  checks.push_back({"cluster", status.phase == node::NodePhase::kServing,
                    absl::StrCat(AbslView(node::ToString(status.phase)), ": ", status.detail)});
  checks.push_back({"disk", !status.log.disk_full, "the disk is full; writes are refused"});
  for (const node::ReplicaStatus& replica : status.replicas) {
    if (replica.failed) checks.push_back({"replica", false, replica.failure});
  }
  checks.push_back({"linearizable_read", report->ready, "no leader within reach"});
  return Page(checks, query);
}

}  // namespace flotilla::server

// What the balancer would do, in the public API's messages. Links no gRPC.
#ifndef FLOTILLA_SERVER_PLAN_CODEC_H_
#define FLOTILLA_SERVER_PLAN_CODEC_H_

#include <vector>

#include "absl/status/statusor.h"
#include "node/plan_preview.h"

namespace flotilla::v1 {
class PlanChangesRequest;
class PlanChangesResponse;
}  // namespace flotilla::v1

namespace flotilla::server {

// kInvalidArgument for a duty that is missing or unknown.
absl::StatusOr<std::vector<node::DutyChange>> DecodeDutyChanges(
    const v1::PlanChangesRequest& request);

void EncodePlan(const node::PlanPreview& plan, v1::PlanChangesResponse* out);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_PLAN_CODEC_H_

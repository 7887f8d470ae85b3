#include "client/spread_delete.h"

#include <algorithm>
#include <string>
#include <utility>

#include "client/page_position.h"
#include "sharding/page_token.h"

namespace flotilla::client {

StatusOr<std::unique_ptr<SpreadCall>> SpreadDelete::Of(DeleteRange range) {
  const StatusOr<uint32_t> fingerprint = ResumeAt(range.page_token, false, range.range);
  if (!fingerprint.ok()) return fingerprint.status();
  return std::unique_ptr<SpreadCall>(new SpreadDelete(std::move(range), *fingerprint));
}

SpreadDelete::SpreadDelete(DeleteRange range, uint32_t fingerprint)
    : page_size_(range.page_size),
      fingerprint_(fingerprint),
      range_(std::move(range.range)),
      cover_(sharding::ArcCover::WithoutKeys(range_.from, range_.to)) {}

std::vector<SpreadCall::Part> SpreadDelete::NextParts(const RouteTable& routes) {
  const std::vector<sharding::Arc> asked = sharding::CutAlong(cover_.Missing(), ArcsOf(routes));
  DeleteRange part;
  part.range = range_;
  if (page_size_ != 0 && !asked.empty()) {
    part.page_size = std::max<uint32_t>(1, page_size_ / static_cast<uint32_t>(asked.size()));
  }
  std::vector<Part> parts;
  parts.reserve(asked.size());
  for (const sharding::Arc& slots : asked) {
    parts.push_back({.operation = part, .slot = slots.first});
  }
  return parts;
}

Status SpreadDelete::Take(size_t, StatusOr<Result> answer) {
  if (!answer.ok()) {
    any_unknown_ = any_unknown_ || answer.status().outcome() != Outcome::kNotApplied;
    return answer.status();
  }
  auto& deletion = std::get<ShardDeletion>(*answer);
  deleted_ += deletion.deleted;
  // To ask for the slots again would be to delete for ever; to take them for done might leave some.
  if (!deletion.arc.has_value()) {
    any_unknown_ = true;
    return Status(StatusCode::kInternal, "the server does not say in which slots it has deleted",
                  "INTERNAL");
  }
  cover_.Add(*deletion.arc);
  const std::string& reach = deletion.resume_key;
  if (!reach.empty() && (range_.to.empty() || reach < range_.to)) {
    range_.to = reach;
    ends_early_ = true;
  }
  return Status();
}

Result SpreadDelete::End() {
  DeleteRangeResult result;
  result.deleted = deleted_;
  if (ends_early_) result.next_page_token = sharding::EncodePageToken(fingerprint_, range_.to);
  return result;
}

// "Not applied" would be a lie as soon as one shard has deleted a key.
Status SpreadDelete::Failure(Status of_part) const {
  const bool nothing = deleted_ == 0 && !any_unknown_;
  return Status({of_part.code(), of_part.message(), of_part.reason(),
                 nothing ? Outcome::kNotApplied : Outcome::kUnknown, of_part.retry_after(),
                 of_part.details()});
}

}  // namespace flotilla::client

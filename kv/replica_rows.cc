// The rows about the replica itself: AppliedRow and ShardRow.
#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/formats.h"
#include "kv/limits_codec.h"
#include "kv/rows.h"
#include "raft/message_codec.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kAppliedName = "applied row";
constexpr std::string_view kShardName = "shard row";

absl::StatusOr<std::string> ReadRow(const storage::StateReader& state, const std::string& key,
                                    std::string_view name) {
  FLOTILLA_ASSIGN_OR_RETURN(std::optional<std::string> row, state.Get(key));
  if (!row.has_value()) return absl::DataLossError(std::string(name) + " is missing");
  return *std::move(row);
}

Duration TakeDuration(Decoder& in) {
  const uint64_t nanoseconds = in.Varint();
  if (nanoseconds > static_cast<uint64_t>(Duration::max().count())) in.Fail();
  return in.ok() ? Duration(static_cast<int64_t>(nanoseconds)) : Duration(0);
}

void PutDescriptor(std::string& out, const sharding::ShardDescriptor& descriptor) {
  PutVarint(out, descriptor.shard.value());
  PutFixed16(out, descriptor.arc.first.value);
  PutFixed16(out, descriptor.arc.last.value);
  PutVarint(out, descriptor.version);
}

sharding::ShardDescriptor TakeDescriptor(Decoder& in) {
  sharding::ShardDescriptor descriptor;
  descriptor.shard = ShardId(in.Varint());
  descriptor.arc.first.value = in.Fixed16();
  descriptor.arc.last.value = in.Fixed16();
  descriptor.version = in.Varint();
  const sharding::Arc& arc = descriptor.arc;
  if (arc.first > arc.last || arc.last.value >= sharding::kSlotCount) in.Fail();
  return descriptor;
}

}  // namespace

std::string EncodeAppliedRow(const AppliedState& state) {
  std::string out;
  PutFormat(out, Format::kAppliedRow);
  PutVarint(out, state.index.value());
  PutVarint(out, state.term.value());
  PutVarint(out, static_cast<uint64_t>(state.log_time.time_since_epoch().count()));
  PutVarint(out, static_cast<uint64_t>(state.session_time.count()));
  PutVarint(out, state.revision);
  return out;
}

absl::Status DecodeAppliedRow(std::string_view row, AppliedState* state) {
  Decoder in(row);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kAppliedRow, kAppliedName));
  state->index = LogIndex(in.Varint());
  state->term = Term(in.Varint());
  state->log_time = WallTime(TakeDuration(in));
  state->session_time = TakeDuration(in);
  state->revision = in.Varint();
  return in.Finish(kAppliedName);
}

std::string EncodeShardRow(const AppliedState& state) {
  std::string out;
  PutFormat(out, Format::kShardRow);
  PutDescriptor(out, state.descriptor);
  PutVarint(out, state.configuration_index.value());
  PutString(out, raft::EncodeConfiguration(state.configuration));
  PutLimits(out, state.limits);
  PutSessionLimits(out, state.session_limits);
  return out;
}

absl::Status DecodeShardRow(std::string_view row, AppliedState* state) {
  Decoder in(row);
  FLOTILLA_RETURN_IF_ERROR(ReadFormat(in, Format::kShardRow, kShardName));
  state->descriptor = TakeDescriptor(in);
  state->configuration_index = LogIndex(in.Varint());
  const std::string_view configuration = in.String();
  state->limits = TakeLimits(in);
  state->session_limits = TakeSessionLimits(in);
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kShardName));
  FLOTILLA_ASSIGN_OR_RETURN(state->configuration, raft::DecodeConfiguration(configuration));
  return absl::OkStatus();
}

absl::StatusOr<AppliedState> LoadApplied(const storage::StateReader& state) {
  AppliedState applied;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string row, ReadRow(state, AppliedRowKey(), kAppliedName));
  FLOTILLA_RETURN_IF_ERROR(DecodeAppliedRow(row, &applied));
  FLOTILLA_ASSIGN_OR_RETURN(const std::string shard, ReadRow(state, ShardRowKey(), kShardName));
  FLOTILLA_RETURN_IF_ERROR(DecodeShardRow(shard, &applied));
  return applied;
}

}  // namespace flotilla::kv

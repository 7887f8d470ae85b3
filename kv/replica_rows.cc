// The rows about the replica itself: AppliedRow and ShardRow.
#include "base/check.h"
#include "base/coding.h"
#include "base/status_macros.h"
#include "kv/arc_codec.h"
#include "kv/formats.h"
#include "kv/limits_codec.h"
#include "kv/rows.h"
#include "raft/message_codec.h"

namespace flotilla::kv {

namespace {

constexpr std::string_view kAppliedName = "applied row";
constexpr std::string_view kShardName = "shard row";

// A shard that has nothing to do with splits is written as before there were any.
constexpr uint8_t kShardRowWithSplits = 2;
constexpr uint8_t kAppliedRowWithBytes = 2;

bool HasSplits(const AppliedState& state) {
  return !state.origins.empty() || state.last_split.has_value() || state.sweep_from.has_value();
}

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
  PutArc(out, descriptor.arc);
  PutVarint(out, descriptor.version);
}

sharding::ShardDescriptor TakeDescriptor(Decoder& in) {
  sharding::ShardDescriptor descriptor;
  descriptor.shard = ShardId(in.Varint());
  descriptor.arc = TakeArc(in);
  descriptor.version = in.Varint();
  return descriptor;
}

// What splits have left in a shard.
void TakeSplits(Decoder& in, AppliedState& state) {
  const uint64_t origins = in.Varint();
  if (origins > in.rest().size()) in.Fail();
  for (uint64_t i = 0; in.ok() && i < origins; ++i) {
    state.origins.push_back({.parent = ShardId(in.Varint()), .split = LogIndex(in.Varint())});
  }
  if (in.Bool()) {
    state.last_split = {.index = LogIndex(in.Varint()), .child = TakeDescriptor(in)};
  }
  if (in.Bool()) state.sweep_from = std::string(in.String());
}

}  // namespace

std::string EncodeAppliedRow(const AppliedState& state) {
  const uint8_t version = state.owned_bytes_max ? kAppliedRowWithBytes : kFormatVersion;
  std::string out;
  PutFormatHeader(out, static_cast<uint8_t>(Format::kAppliedRow), version);
  PutVarint(out, state.index.value());
  PutVarint(out, state.term.value());
  PutVarint(out, static_cast<uint64_t>(state.log_time.time_since_epoch().count()));
  PutVarint(out, static_cast<uint64_t>(state.session_time.count()));
  PutVarint(out, state.revision);
  if (state.owned_bytes_max) PutVarint(out, *state.owned_bytes_max);
  return out;
}

absl::Status DecodeAppliedRow(std::string_view row, AppliedState* state) {
  Decoder in(row);
  FormatHeader header;
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, static_cast<uint8_t>(Format::kAppliedRow),
                                            kAppliedRowWithBytes, kAppliedName, &header));
  state->index = LogIndex(in.Varint());
  state->term = Term(in.Varint());
  state->log_time = WallTime(TakeDuration(in));
  state->session_time = TakeDuration(in);
  state->revision = in.Varint();
  if (header.version >= kAppliedRowWithBytes) state->owned_bytes_max = in.Varint();
  return in.Finish(kAppliedName);
}

std::string EncodeShardRow(const AppliedState& state) {
  const uint8_t version = HasSplits(state) ? kShardRowWithSplits : kFormatVersion;
  std::string out;
  PutFormatHeader(out, static_cast<uint8_t>(Format::kShardRow), version);
  PutDescriptor(out, state.descriptor);
  PutVarint(out, state.configuration_index.value());
  PutString(out, raft::EncodeConfiguration(state.configuration));
  PutLimits(out, state.limits);
  PutSessionLimits(out, state.session_limits);
  if (version < kShardRowWithSplits) return out;
  PutVarint(out, state.origins.size());
  for (const ShardOrigin& origin : state.origins) {
    PutVarint(out, origin.parent.value());
    PutVarint(out, origin.split.value());
  }
  PutFixed8(out, state.last_split.has_value() ? 1 : 0);
  if (state.last_split.has_value()) {
    PutVarint(out, state.last_split->index.value());
    PutDescriptor(out, state.last_split->child);
  }
  PutFixed8(out, state.sweep_from.has_value() ? 1 : 0);
  if (state.sweep_from.has_value()) PutString(out, *state.sweep_from);
  return out;
}

absl::Status DecodeShardRow(std::string_view row, AppliedState* state) {
  Decoder in(row);
  FormatHeader header;
  FLOTILLA_RETURN_IF_ERROR(ReadFormatHeader(in, static_cast<uint8_t>(Format::kShardRow),
                                            kShardRowWithSplits, kShardName, &header));
  state->descriptor = TakeDescriptor(in);
  state->configuration_index = LogIndex(in.Varint());
  const std::string_view configuration = in.String();
  state->limits = TakeLimits(in);
  state->session_limits = TakeSessionLimits(in);
  if (header.version >= kShardRowWithSplits) TakeSplits(in, *state);
  FLOTILLA_RETURN_IF_ERROR(in.Finish(kShardName));
  FLOTILLA_ASSIGN_OR_RETURN(state->configuration, raft::DecodeConfiguration(configuration));
  return absl::OkStatus();
}

AppliedState AppliedState::ChildState() const {
  FLOTILLA_CHECK(StandsAtSplit());
  AppliedState child = *this;
  child.descriptor = last_split->child;
  child.origins.insert(child.origins.begin(),
                       {.parent = descriptor.shard, .split = last_split->index});
  child.last_split.reset();
  return child;
}

absl::StatusOr<AppliedState> LoadApplied(const storage::StateReader& state, ShardId shard) {
  AppliedState applied;
  FLOTILLA_ASSIGN_OR_RETURN(const std::string row, ReadRow(state, AppliedRowKey(), kAppliedName));
  FLOTILLA_RETURN_IF_ERROR(DecodeAppliedRow(row, &applied));
  FLOTILLA_ASSIGN_OR_RETURN(const std::string shard_row, ReadRow(state, ShardRowKey(), kShardName));
  FLOTILLA_RETURN_IF_ERROR(DecodeShardRow(shard_row, &applied));
  if (applied.descriptor.shard == shard) return applied;
  if (applied.StandsAtSplit() && applied.last_split->child.shard == shard) {
    return applied.ChildState();
  }
  return absl::DataLossError("the state is of shard " + ToString(applied.descriptor.shard) +
                             ", not of shard " + ToString(shard));
}

}  // namespace flotilla::kv

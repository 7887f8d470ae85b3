// The answers: from messages of flotilla.v1 to the client's values.
#include <optional>
#include <string>
#include <utility>

#include "client/wire_codec.h"
#include "flotilla/v1/cluster.pb.h"
#include "flotilla/v1/kv.pb.h"

namespace flotilla::client {

namespace {

using std::chrono::milliseconds;

void Decode(v1::KeyValue& row, Entry& entry) {
  entry.key = std::move(*row.mutable_key());
  entry.value = std::move(*row.mutable_value());
  entry.version = row.version();
  entry.created_version = row.created_version();
}

milliseconds LagOf(const v1::ReadState& state) {
  return milliseconds(static_cast<int64_t>(state.lag_ms()));
}

GetResult Decode(v1::GetResponse& response) {
  GetResult result;
  if (response.has_row()) Decode(*response.mutable_row(), result);
  result.lag = LagOf(response.state());
  return result;
}

BatchGetResult Decode(v1::BatchGetResponse& response) {
  BatchGetResult result;
  result.entries.reserve(static_cast<size_t>(response.items_size()));
  for (auto& item : *response.mutable_items()) {
    std::optional<Entry>& entry = result.entries.emplace_back();
    if (item.has_row()) Decode(*item.mutable_row(), entry.emplace());
  }
  result.lag = LagOf(response.state());
  return result;
}

// None for a ring that this client could only guess at.
std::optional<sharding::Arc> ArcOf(uint32_t first_slot, uint32_t last_slot) {
  if (last_slot >= sharding::kSlotCount || first_slot > last_slot) return std::nullopt;
  return sharding::Arc{sharding::Slot{static_cast<uint16_t>(first_slot)},
                       sharding::Slot{static_cast<uint16_t>(last_slot)}};
}

ShardPage Decode(v1::ScanResponse& response) {
  ShardPage page;
  page.entries.reserve(static_cast<size_t>(response.rows_size()));
  for (auto& row : *response.mutable_rows()) Decode(row, page.entries.emplace_back());
  page.count = response.count();
  page.resume_key = std::move(*response.mutable_resume_key());
  if (response.state().has_slots()) {
    page.arc = ArcOf(response.state().slots().first_slot(), response.state().slots().last_slot());
  }
  page.lag = LagOf(response.state());
  return page;
}

CasResult Decode(v1::CompareAndSwapResponse& response) {
  CasResult result{response.succeeded(), response.version(), std::nullopt};
  if (response.has_current_value()) result.current = std::move(*response.mutable_current_value());
  return result;
}

template <typename Results>
std::vector<MutationResult> DecodeResults(const Results& messages) {
  std::vector<MutationResult> results;
  results.reserve(static_cast<size_t>(messages.size()));
  for (const v1::WriteResult& message : messages) {
    results.push_back({message.version(), message.number(), message.not_found()});
  }
  return results;
}

Outcome DecodeOutcome(v1::Outcome outcome) {
  switch (outcome) {
    case v1::OUTCOME_NOT_APPLIED:
      return Outcome::kNotApplied;
    case v1::OUTCOME_APPLIED:
      return Outcome::kApplied;
    default:
      return Outcome::kUnknown;
  }
}

ServerError Decode(v1::Error& message) {
  ServerError error;
  error.code = static_cast<StatusCode>(message.code());
  error.reason = static_cast<Reason>(message.reason());
  error.outcome = DecodeOutcome(message.outcome());
  error.message = std::move(*message.mutable_message());
  if (message.has_failed_operation()) {
    error.message += " (operation " + std::to_string(message.failed_operation()) + ")";
  }
  error.retry_after = milliseconds(message.retry_after_ms());
  if (message.has_route()) {
    const v1::Route& route = message.route();
    error.route =
        RouteHint{ShardId(route.shard_id()), route.shard_version(), route.leader_address()};
  }
  return error;
}

ServerError UnknownKind() {
  ServerError error;
  error.code = StatusCode::kInternal;
  error.reason = Reason::kInternal;
  error.message = "the server answered with something that this client does not know";
  return error;
}

}  // namespace

Reply DecodeReply(v1::PipelineResult& result) {
  const uint64_t id = result.id();
  using Case = v1::PipelineResult;
  switch (result.result_case()) {
    case Case::kError:
      return {id, Decode(*result.mutable_error())};
    case Case::kGet:
      return {id, Result(Decode(*result.mutable_get()))};
    case Case::kBatchGet:
      return {id, Result(Decode(*result.mutable_batch_get()))};
    case Case::kPut:
      return {id, Result(PutResult{result.put().version()})};
    case Case::kDelete:
      return {id, Result(DeleteResult{result.delete_().found(), result.delete_().version()})};
    case Case::kCompareAndSwap:
      return {id, Result(Decode(*result.mutable_compare_and_swap()))};
    case Case::kIncrement:
      return {id,
              Result(IncrementResult{result.increment().value(), result.increment().version()})};
    case Case::kAppend:
      return {id, Result(AppendResult{result.append().version()})};
    case Case::kDeleteRange: {
      auto& page = *result.mutable_delete_range();
      return {id, Result(ShardDeletion{
                      page.deleted(), std::move(*page.mutable_resume_key()),
                      page.has_slots() ? ArcOf(page.slots().first_slot(), page.slots().last_slot())
                                       : std::nullopt})};
    }
    case Case::kBatch:
      return {id, Result(BatchResult{DecodeResults(result.batch().results())})};
    case Case::kTxn:
      return {id,
              Result(TxnResult{result.txn().succeeded(), DecodeResults(result.txn().results())})};
    case Case::kScan:
      return {id, Result(Decode(*result.mutable_scan()))};
    case Case::kOpenSession:
      return {id, Result(OpenSessionResult{
                      std::move(*result.mutable_open_session()->mutable_session_token())})};
    case Case::kCloseSession:
    case Case::kKeepSessionAlive:
    case Case::RESULT_NOT_SET:
      break;
  }
  return {id, UnknownKind()};
}

ShardMap DecodeShardMap(const v1::GetShardMapResponse& response) {
  ShardMap map;
  for (const v1::Shard& shard : response.shards()) {
    const std::optional<sharding::Arc> arc = ArcOf(shard.first_slot(), shard.last_slot());
    if (!arc.has_value()) continue;
    map.shards.push_back(
        {{ShardId(shard.shard_id()), *arc, shard.shard_version()}, shard.route().leader_address()});
  }
  for (const v1::Node& node : response.nodes()) {
    if (!node.client_address().empty()) map.endpoints.push_back(node.client_address());
  }
  return map;
}

}  // namespace flotilla::client

#include "server/operation_codec.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "flotilla/v1/kv.pb.h"
#include "sharding/page_token.h"

namespace flotilla::server {
namespace {

using sharding::DecodePageToken;
using sharding::RangeFingerprint;

using Decoded = absl::StatusOr<DecodedOperation>;

DecodedOperation Write(kv::Operation operation) {
  kv::Command command;
  command.operation = std::move(operation);
  return {.body = std::move(command)};
}

template <typename Operation>
Decoded Read(Operation operation, int consistency) {
  DecodedRead decoded;
  decoded.read.operation = std::move(operation);
  switch (consistency) {
    case v1::READ_CONSISTENCY_UNSPECIFIED:
    case v1::READ_CONSISTENCY_LINEARIZABLE:
      break;
    case v1::READ_CONSISTENCY_STALE:
      decoded.level = node::ReadLevel::kStale;
      break;
    default:
      // A weaker reading of a request that this server does not understand would be a lie.
      return absl::InvalidArgumentError("unknown consistency " + std::to_string(consistency));
  }
  return DecodedOperation{.body = std::move(decoded)};
}

absl::StatusOr<kv::Condition> DecodeCondition(v1::Condition& condition) {
  kv::Condition decoded;
  decoded.key = std::move(*condition.mutable_key());
  switch (condition.expected_case()) {
    case v1::Condition::kAbsent:
      if (!condition.absent()) return absl::InvalidArgumentError("`absent` must be true");
      decoded.kind = kv::Condition::Kind::kAbsent;
      return decoded;
    case v1::Condition::kExists:
      if (!condition.exists()) return absl::InvalidArgumentError("`exists` must be true");
      decoded.kind = kv::Condition::Kind::kExists;
      return decoded;
    case v1::Condition::kVersion:
      decoded.kind = kv::Condition::Kind::kVersion;
      decoded.version = condition.version();
      return decoded;
    case v1::Condition::kValue:
      decoded.kind = kv::Condition::Kind::kValue;
      decoded.value = std::move(*condition.mutable_value());
      return decoded;
    case v1::Condition::EXPECTED_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "the condition expects nothing: set absent, exists, version or value");
}

absl::StatusOr<kv::SimpleOperation> DecodeWriteOperation(v1::WriteOperation& operation) {
  switch (operation.operation_case()) {
    case v1::WriteOperation::kPut: {
      v1::WriteOperation::Put& put = *operation.mutable_put();
      return kv::Put{std::move(*put.mutable_key()), std::move(*put.mutable_value())};
    }
    case v1::WriteOperation::kDelete:
      return kv::Delete{std::move(*operation.mutable_delete_()->mutable_key())};
    case v1::WriteOperation::kIncrement:
      return kv::Increment{std::move(*operation.mutable_increment()->mutable_key()),
                           operation.increment().delta()};
    case v1::WriteOperation::kAppend: {
      v1::WriteOperation::Append& append = *operation.mutable_append();
      return kv::Append{std::move(*append.mutable_key()), std::move(*append.mutable_value())};
    }
    case v1::WriteOperation::OPERATION_NOT_SET:
      break;
  }
  return absl::UnimplementedError("an operation that this server does not know");
}

template <typename Repeated>
absl::StatusOr<std::vector<kv::SimpleOperation>> DecodeWriteOperations(Repeated& operations) {
  std::vector<kv::SimpleOperation> decoded;
  decoded.reserve(operations.size());
  for (v1::WriteOperation& operation : operations) {
    FLOTILLA_ASSIGN_OR_RETURN(kv::SimpleOperation one, DecodeWriteOperation(operation));
    decoded.push_back(std::move(one));
  }
  return decoded;
}

Decoded DecodeBatchGet(v1::BatchGetRequest& request) {
  kv::BatchGet read;
  read.keys.reserve(request.keys_size());
  for (std::string& key : *request.mutable_keys()) read.keys.push_back(std::move(key));
  return Read(std::move(read), request.consistency());
}

Decoded DecodeCompareAndSwap(v1::CompareAndSwapRequest& request) {
  FLOTILLA_ASSIGN_OR_RETURN(kv::Condition condition, DecodeCondition(*request.mutable_condition()));
  return Write(kv::CompareAndSwap{std::move(condition), std::move(*request.mutable_value())});
}

Decoded DecodeDeleteRange(v1::DeleteRangeRequest& request, const kv::Limits& limits) {
  const uint32_t fingerprint = RangeFingerprint(request.start_key(), request.end_key(), false);
  kv::DeleteRange range;
  range.from = std::move(*request.mutable_start_key());
  range.to = std::move(*request.mutable_end_key());
  const uint32_t most = static_cast<uint32_t>(limits.max_delete_range);
  range.limit = request.page_size() == 0 ? most : std::min(request.page_size(), most);
  if (!request.page_token().empty()) {
    FLOTILLA_ASSIGN_OR_RETURN(range.from, DecodePageToken(request.page_token(), fingerprint));
  }
  DecodedOperation decoded = Write(std::move(range));
  decoded.range_fingerprint = fingerprint;
  return decoded;
}

Decoded DecodeBatch(v1::BatchRequest& request) {
  kv::Batch batch;
  FLOTILLA_ASSIGN_OR_RETURN(batch.operations, DecodeWriteOperations(*request.mutable_operations()));
  return Write(std::move(batch));
}

Decoded DecodeTxn(v1::TxnRequest& request) {
  kv::Txn txn;
  txn.conditions.reserve(request.conditions_size());
  for (v1::Condition& condition : *request.mutable_conditions()) {
    FLOTILLA_ASSIGN_OR_RETURN(kv::Condition one, DecodeCondition(condition));
    txn.conditions.push_back(std::move(one));
  }
  FLOTILLA_ASSIGN_OR_RETURN(txn.then, DecodeWriteOperations(*request.mutable_then()));
  FLOTILLA_ASSIGN_OR_RETURN(txn.otherwise, DecodeWriteOperations(*request.mutable_otherwise()));
  return Write(std::move(txn));
}

absl::StatusOr<sharding::Arc> DecodeSlots(const v1::SlotRange& slots) {
  if (slots.first_slot() > slots.last_slot() || slots.last_slot() >= sharding::kSlotCount) {
    return absl::InvalidArgumentError("the slots " + std::to_string(slots.first_slot()) + " to " +
                                      std::to_string(slots.last_slot()) + " are no range of the " +
                                      std::to_string(sharding::kSlotCount));
  }
  return sharding::Arc{sharding::Slot{static_cast<uint16_t>(slots.first_slot())},
                       sharding::Slot{static_cast<uint16_t>(slots.last_slot())}};
}

Decoded DecodeScan(v1::ScanRequest& request, const kv::Limits& limits) {
  const uint32_t fingerprint =
      RangeFingerprint(request.start_key(), request.end_key(), request.reverse());
  kv::ScanPage page;
  page.from = std::move(*request.mutable_start_key());
  page.to = std::move(*request.mutable_end_key());
  page.reverse = request.reverse();
  page.keys_only = request.keys_only();
  page.count_only = request.count_only();
  page.max_bytes = limits.max_page_bytes;
  if (request.page_bytes() != 0) page.max_bytes = std::min(page.max_bytes, request.page_bytes());
  page.max_rows = static_cast<uint32_t>(limits.max_page_rows);
  if (request.page_size() != 0) page.max_rows = std::min(page.max_rows, request.page_size());
  if (request.limit() != 0 && request.limit() < page.max_rows) {
    page.max_rows = static_cast<uint32_t>(request.limit());
  }
  if (request.has_slots()) {
    FLOTILLA_ASSIGN_OR_RETURN(page.slots, DecodeSlots(request.slots()));
  }
  if (!request.page_token().empty()) {
    std::string& next = page.reverse ? page.to : page.from;
    FLOTILLA_ASSIGN_OR_RETURN(next, DecodePageToken(request.page_token(), fingerprint));
  }
  Decoded decoded = Read(std::move(page), request.consistency());
  if (decoded.ok()) decoded->range_fingerprint = fingerprint;
  return decoded;
}

}  // namespace

absl::StatusOr<DecodedOperation> DecodeOperation(v1::PipelineOperation& operation,
                                                 const kv::Limits& limits) {
  using Case = v1::PipelineOperation;
  switch (operation.operation_case()) {
    case Case::kGet: {
      v1::GetRequest& get = *operation.mutable_get();
      return Read(kv::Get{std::move(*get.mutable_key())}, get.consistency());
    }
    case Case::kBatchGet:
      return DecodeBatchGet(*operation.mutable_batch_get());
    case Case::kPut: {
      v1::PutRequest& put = *operation.mutable_put();
      return Write(kv::Put{std::move(*put.mutable_key()), std::move(*put.mutable_value())});
    }
    case Case::kDelete:
      return Write(kv::Delete{std::move(*operation.mutable_delete_()->mutable_key())});
    case Case::kCompareAndSwap:
      return DecodeCompareAndSwap(*operation.mutable_compare_and_swap());
    case Case::kIncrement:
      return Write(kv::Increment{std::move(*operation.mutable_increment()->mutable_key()),
                                 operation.increment().delta()});
    case Case::kAppend: {
      v1::AppendRequest& append = *operation.mutable_append();
      return Write(
          kv::Append{std::move(*append.mutable_key()), std::move(*append.mutable_value())});
    }
    case Case::kDeleteRange:
      return DecodeDeleteRange(*operation.mutable_delete_range(), limits);
    case Case::kBatch:
      return DecodeBatch(*operation.mutable_batch());
    case Case::kTxn:
      return DecodeTxn(*operation.mutable_txn());
    case Case::kScan:
      return DecodeScan(*operation.mutable_scan(), limits);
    case Case::kOpenSession:
      return Write(kv::OpenSession{});
    case Case::kCloseSession:
      return Write(kv::CloseSession{});
    case Case::kKeepSessionAlive:
      return Write(kv::KeepAlive{});
    case Case::OPERATION_NOT_SET:
      break;
  }
  return absl::UnimplementedError(
      "an operation that this server does not know; it speaks flotilla.v1 as of its release");
}

}  // namespace flotilla::server

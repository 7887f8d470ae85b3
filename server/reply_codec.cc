#include "server/reply_codec.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "flotilla/v1/kv.pb.h"
#include "server/error_codec.h"
#include "sharding/page_token.h"

namespace flotilla::server {
namespace {

// nullopt only for what no correct shard answers.
std::optional<int64_t> NumberOf(const kv::CommandResult& result) {
  if (!result.value.has_value()) return std::nullopt;
  const char* const end = result.value->data() + result.value->size();
  int64_t number = 0;
  const auto [stop, error] = std::from_chars(result.value->data(), end, number);
  return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

template <typename Response>
Response* Written(const kv::CommandResult& result, Response* response) {
  response->set_version(result.version);
  response->set_replayed(result.replayed);
  return response;
}

template <typename Response>
void EncodeNested(const kv::CommandResult& result, Response* response) {
  response->set_replayed(result.replayed);
  for (const kv::CommandResult& nested : result.nested) {
    v1::WriteResult* one = response->add_results();
    one->set_version(nested.version);
    one->set_number(NumberOf(nested).value_or(0));
    one->set_not_found(nested.code == kv::ResultCode::kNotFound);
  }
}

void EncodeCompareAndSwap(kv::CommandResult& result, v1::CompareAndSwapResponse* response) {
  Written(result, response);
  response->set_succeeded(result.code == kv::ResultCode::kOk);
  if (!response->succeeded() && result.value.has_value()) {
    response->set_current_value(*std::move(result.value));
  }
}

void EncodeDeleteRange(const AnswerContext& answer, const kv::CommandResult& result,
                       v1::DeleteRangeResponse* response) {
  response->set_deleted(result.deleted);
  if (result.arc.has_value()) EncodeArc(*result.arc, response->mutable_slots());
  response->set_replayed(result.replayed);
  if (!result.next_key.empty()) {
    response->set_next_page_token(
        sharding::EncodePageToken(answer.range_fingerprint, result.next_key));
    response->set_resume_key(result.next_key);
  }
}

// False when the answer does not fit the kind of the operation.
bool EncodeWritten(const AnswerContext& answer, kv::CommandResult& result,
                   v1::PipelineResult* out) {
  switch (answer.kind) {
    case OperationKind::kPut:
      Written(result, out->mutable_put());
      return true;
    case OperationKind::kDelete:
      Written(result, out->mutable_delete_())->set_found(result.code == kv::ResultCode::kOk);
      return true;
    case OperationKind::kCompareAndSwap:
      EncodeCompareAndSwap(result, out->mutable_compare_and_swap());
      return true;
    case OperationKind::kIncrement: {
      const std::optional<int64_t> number = NumberOf(result);
      if (number.has_value()) Written(result, out->mutable_increment())->set_value(*number);
      return number.has_value();
    }
    case OperationKind::kAppend:
      Written(result, out->mutable_append());
      return true;
    case OperationKind::kDeleteRange:
      EncodeDeleteRange(answer, result, out->mutable_delete_range());
      return true;
    case OperationKind::kBatch:
      EncodeNested(result, out->mutable_batch());
      return true;
    case OperationKind::kTxn:
      EncodeNested(result, out->mutable_txn());
      out->mutable_txn()->set_succeeded(result.conditions_held);
      return true;
    case OperationKind::kOpenSession:
      out->mutable_open_session()->set_session_token(std::move(result.session_token));
      return true;
    case OperationKind::kCloseSession:
      out->mutable_close_session();
      return true;
    case OperationKind::kKeepSessionAlive:
      out->mutable_keep_session_alive();
      return true;
    case OperationKind::kNone:
    case OperationKind::kGet:
    case OperationKind::kBatchGet:
    case OperationKind::kScan:
      return false;
  }
  return false;
}

bool IsPlainAnswer(const AnswerContext& answer, kv::ResultCode code) {
  return code == kv::ResultCode::kOk ||
         (code == kv::ResultCode::kNotFound && answer.kind == OperationKind::kDelete) ||
         (code == kv::ResultCode::kCompareFailed && answer.kind == OperationKind::kCompareAndSwap);
}

void EncodeRow(kv::Row row, v1::KeyValue* out) {
  out->set_key(std::move(row.key));
  out->set_value(std::move(row.value));
  out->set_version(row.version);
  out->set_created_version(row.created_version);
}

void EncodeState(const node::ReadReply& reply, v1::ReadState* out) {
  const auto lag = std::chrono::ceil<std::chrono::milliseconds>(reply.lag);
  out->set_shard_version(reply.result.shard_version);
  out->set_revision(reply.result.revision);
  out->set_applied_index(reply.result.applied.value());
  out->set_lag_ms(static_cast<uint64_t>(lag.count()));
  if (reply.result.arc.has_value()) EncodeArc(*reply.result.arc, out->mutable_slots());
}

void EncodeScan(const AnswerContext& answer, node::ReadReply& reply, v1::ScanResponse* out) {
  for (std::optional<kv::Row>& row : reply.result.rows) {
    if (row.has_value()) EncodeRow(*std::move(row), out->add_rows());
  }
  out->set_count(reply.result.count);
  if (reply.result.resume_key.has_value()) {
    out->set_next_page_token(
        sharding::EncodePageToken(answer.range_fingerprint, *reply.result.resume_key));
    out->set_resume_key(*std::move(reply.result.resume_key));
  }
  EncodeState(reply, out->mutable_state());
}

void EncodeBatchGet(node::ReadReply& reply, v1::BatchGetResponse* out) {
  for (std::optional<kv::Row>& row : reply.result.rows) {
    v1::BatchGetResponse::Item* item = out->add_items();
    if (row.has_value()) EncodeRow(*std::move(row), item->mutable_row());
  }
  EncodeState(reply, out->mutable_state());
}

void EncodeGet(node::ReadReply& reply, v1::GetResponse* out) {
  if (!reply.result.rows.empty() && reply.result.rows.front().has_value()) {
    EncodeRow(*std::move(reply.result.rows.front()), out->mutable_row());
  }
  EncodeState(reply, out->mutable_state());
}

void EncodeRead(const AnswerContext& answer, node::ReadReply& reply, v1::PipelineResult* out) {
  if (!reply.error.ok()) {
    EncodeError(reply.error, Effect::kRead, out->mutable_error());
  } else if (answer.kind == OperationKind::kGet) {
    EncodeGet(reply, out->mutable_get());
  } else if (answer.kind == OperationKind::kBatchGet) {
    EncodeBatchGet(reply, out->mutable_batch_get());
  } else {
    EncodeScan(answer, reply, out->mutable_scan());
  }
}

void EncodeWrite(const AnswerContext& answer, node::WriteReply& reply, v1::PipelineResult* out) {
  if (!reply.error.ok()) {
    EncodeError(reply.error, Effect::kWrite, out->mutable_error());
  } else if (!IsPlainAnswer(answer, reply.result.code) ||
             !EncodeWritten(answer, reply.result, out)) {
    EncodeFailure(reply.result, out->mutable_error());
  }
}

size_t ByteSizeOf(const kv::CommandResult& result) {
  size_t bytes = result.next_key.size() + (result.value.has_value() ? result.value->size() : 0);
  for (const kv::CommandResult& nested : result.nested) bytes += 16 + ByteSizeOf(nested);
  return bytes;
}

size_t ByteSizeOf(const kv::ReadResult& result) {
  size_t bytes = 0;
  for (const std::optional<kv::Row>& row : result.rows) {
    bytes += 24 + (row.has_value() ? row->key.size() + row->value.size() : 0);
  }
  return bytes;
}

}  // namespace

void EncodeArc(const sharding::Arc& arc, v1::SlotRange* out) {
  out->set_first_slot(arc.first.value);
  out->set_last_slot(arc.last.value);
}

void EncodeAnswer(Answer answer, v1::PipelineResult* out) {
  out->set_id(answer.context.id);
  if (auto* write = std::get_if<node::WriteReply>(&answer.reply)) {
    EncodeWrite(answer.context, *write, out);
  } else if (auto* read = std::get_if<node::ReadReply>(&answer.reply)) {
    EncodeRead(answer.context, *read, out);
  } else {
    EncodeError(std::get<node::Error>(answer.reply),
                IsRead(answer.context.kind) ? Effect::kRead : Effect::kWrite, out->mutable_error());
  }
}

size_t ByteSize(const Answer& answer) {
  constexpr size_t kFrame = 32;
  if (const auto* write = std::get_if<node::WriteReply>(&answer.reply)) {
    return kFrame + write->error.message.size() + ByteSizeOf(write->result);
  }
  if (const auto* read = std::get_if<node::ReadReply>(&answer.reply)) {
    return kFrame + read->error.message.size() + ByteSizeOf(read->result);
  }
  return kFrame + std::get<node::Error>(answer.reply).message.size();
}

}  // namespace flotilla::server

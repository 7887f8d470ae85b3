#include "client/wire_codec.h"

#include <algorithm>
#include <string>
#include <utility>

#include "flotilla/v1/kv.pb.h"

namespace flotilla::client {

namespace {

uint32_t MillisecondsOf(Duration timeout) {
  // Rounded up: 0 would mean the server's default.
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return static_cast<uint32_t>(ms < 1 ? 1 : ms);
}

v1::ReadConsistency ConsistencyOf(ReadLevel level) {
  return level == ReadLevel::kStale ? v1::READ_CONSISTENCY_STALE
                                    : v1::READ_CONSISTENCY_LINEARIZABLE;
}

void Encode(const Condition& condition, v1::Condition& message) {
  message.set_key(condition.key);
  switch (condition.kind) {
    case Condition::Kind::kAbsent:
      message.set_absent(true);
      break;
    case Condition::Kind::kExists:
      message.set_exists(true);
      break;
    case Condition::Kind::kVersion:
      message.set_version(condition.version);
      break;
    case Condition::Kind::kValue:
      message.set_value(condition.value);
      break;
  }
}

void Encode(const Mutation& mutation, v1::WriteOperation& message) {
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      message.mutable_put()->set_key(mutation.key);
      message.mutable_put()->set_value(mutation.value);
      break;
    case Mutation::Kind::kDelete:
      message.mutable_delete_()->set_key(mutation.key);
      break;
    case Mutation::Kind::kIncrement:
      message.mutable_increment()->set_key(mutation.key);
      message.mutable_increment()->set_delta(mutation.delta);
      break;
    case Mutation::Kind::kAppend:
      message.mutable_append()->set_key(mutation.key);
      message.mutable_append()->set_value(mutation.value);
      break;
  }
}

// Writes one operation; returns its request, whose header the caller may need.
class OperationWriter {
 public:
  OperationWriter(v1::PipelineOperation& message, ReadLevel level)
      : message_(message), level_(level) {}

  v1::RequestHeader* operator()(const Get& get) {
    auto& request = *message_.mutable_get();
    request.set_key(get.key);
    request.set_consistency(ConsistencyOf(level_));
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const BatchGet& get) {
    auto& request = *message_.mutable_batch_get();
    for (const std::string& key : get.keys) request.add_keys(key);
    request.set_consistency(ConsistencyOf(level_));
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Scan& scan) {
    auto& request = *message_.mutable_scan();
    request.set_start_key(scan.range.from);
    request.set_end_key(scan.range.to);
    request.set_consistency(ConsistencyOf(level_));
    request.set_reverse(scan.reverse);
    request.set_keys_only(scan.keys_only);
    request.set_count_only(scan.count_only);
    request.set_limit(scan.limit);
    request.set_page_size(scan.page_size);
    request.set_page_token(scan.page_token);
    request.set_page_bytes(scan.page_bytes);
    if (scan.slots.has_value()) {
      request.mutable_slots()->set_first_slot(scan.slots->first.value);
      request.mutable_slots()->set_last_slot(scan.slots->last.value);
    }
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Put& put) {
    auto& request = *message_.mutable_put();
    request.set_key(put.key);
    request.set_value(put.value);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Delete& del) {
    auto& request = *message_.mutable_delete_();
    request.set_key(del.key);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const CompareAndSwap& cas) {
    auto& request = *message_.mutable_compare_and_swap();
    Encode(cas.condition, *request.mutable_condition());
    request.set_value(cas.value);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Increment& increment) {
    auto& request = *message_.mutable_increment();
    request.set_key(increment.key);
    request.set_delta(increment.delta);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Append& append) {
    auto& request = *message_.mutable_append();
    request.set_key(append.key);
    request.set_value(append.value);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const DeleteRange& range) {
    auto& request = *message_.mutable_delete_range();
    request.set_start_key(range.range.from);
    request.set_end_key(range.range.to);
    request.set_page_size(range.page_size);
    request.set_page_token(range.page_token);
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Batch& batch) {
    auto& request = *message_.mutable_batch();
    for (const Mutation& mutation : batch.mutations) Encode(mutation, *request.add_operations());
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const Txn& txn) {
    auto& request = *message_.mutable_txn();
    const Transaction& transaction = txn.transaction;
    for (const Condition& condition : transaction.conditions) {
      Encode(condition, *request.add_conditions());
    }
    for (const Mutation& mutation : transaction.then) Encode(mutation, *request.add_then());
    for (const Mutation& mutation : transaction.otherwise) {
      Encode(mutation, *request.add_otherwise());
    }
    return HeaderOf(request);
  }
  v1::RequestHeader* operator()(const OpenSession&) {
    return HeaderOf(*message_.mutable_open_session());
  }

  // Whether the operation needs fields of its own.
  bool needs_header = false;

 private:
  template <typename Request>
  v1::RequestHeader* HeaderOf(Request& request) {
    return needs_header ? request.mutable_header() : nullptr;
  }

  v1::PipelineOperation& message_;
  const ReadLevel level_;
};

void WriteHeader(const OutgoingOperation& out, v1::RequestHeader& header) {
  header.set_shard_id(out.shard.value());
  header.set_shard_version(out.shard_version);
  if (!out.session_token.empty()) {
    header.set_session_token(out.session_token.data(), out.session_token.size());
    header.set_acknowledged_below(out.acknowledged_below);
  }
  header.set_timeout_ms(MillisecondsOf(out.timeout));
  if (!out.traceparent.empty()) {
    header.set_traceparent(out.traceparent.data(), out.traceparent.size());
  }
}

// A header says for how long the caller waits; a little too long does no harm, as the client keeps
// its deadlines itself.
bool SameTimeout(Duration shared, Duration own) {
  return own <= shared && shared - own <= std::chrono::milliseconds(100);
}

bool Fits(const OutgoingOperation& shared, const OutgoingOperation& own) {
  const bool same_session = own.session_token.empty() || own.session_token == shared.session_token;
  return same_session && own.shard == shared.shard && own.shard_version == shared.shard_version &&
         own.traceparent == shared.traceparent && SameTimeout(shared.timeout, own.timeout);
}

// The operation whose header serves for most: a write, because it has a session. An operation
// cannot take back what that header says: where one goes to any version, it names none.
OutgoingOperation Typical(std::span<const OutgoingOperation> batch) {
  const auto write = std::find_if(batch.begin(), batch.end(), [](const OutgoingOperation& out) {
    return !out.session_token.empty();
  });
  OutgoingOperation typical = write == batch.end() ? batch.front() : *write;
  const bool any_version = std::any_of(
      batch.begin(), batch.end(), [](const OutgoingOperation& o) { return o.shard_version == 0; });
  if (any_version) typical.shard_version = 0;
  return typical;
}

}  // namespace

void EncodeBatch(std::span<const OutgoingOperation> batch, v1::PipelineRequest& message) {
  const OutgoingOperation typical = Typical(batch);
  WriteHeader(typical, *message.mutable_header());
  message.mutable_operations()->Reserve(static_cast<int>(batch.size()));
  for (const OutgoingOperation& out : batch) {
    v1::PipelineOperation& operation = *message.add_operations();
    operation.set_id(out.id);
    operation.set_sequence(out.sequence);
    OperationWriter writer(operation, out.level);
    writer.needs_header = !Fits(typical, out);
    v1::RequestHeader* header = std::visit(writer, *out.operation);
    if (header != nullptr) WriteHeader(out, *header);
  }
}

}  // namespace flotilla::client

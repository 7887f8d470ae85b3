#include "server/client_operation.h"

namespace flotilla::server {

std::string_view ToString(OperationKind kind) {
  switch (kind) {
    case OperationKind::kNone:
      return "unknown";
    case OperationKind::kGet:
      return "get";
    case OperationKind::kBatchGet:
      return "batch_get";
    case OperationKind::kPut:
      return "put";
    case OperationKind::kDelete:
      return "delete";
    case OperationKind::kCompareAndSwap:
      return "compare_and_swap";
    case OperationKind::kIncrement:
      return "increment";
    case OperationKind::kAppend:
      return "append";
    case OperationKind::kDeleteRange:
      return "delete_range";
    case OperationKind::kBatch:
      return "batch";
    case OperationKind::kTxn:
      return "txn";
    case OperationKind::kScan:
      return "scan";
    case OperationKind::kOpenSession:
      return "open_session";
    case OperationKind::kCloseSession:
      return "close_session";
    case OperationKind::kKeepSessionAlive:
      return "keep_session_alive";
  }
  return "unknown";
}

bool IsRead(OperationKind kind) {
  return kind == OperationKind::kGet || kind == OperationKind::kBatchGet ||
         kind == OperationKind::kScan;
}

}  // namespace flotilla::server

#include "server/server_options.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "sharding/slot.h"
#include "storage/log_format.h"

namespace flotilla::server {
namespace {

// The hard caps of the formats (design: limits).
constexpr ByteSize kMaxKey{4 << 10};
constexpr ByteSize kMaxValue{8 << 20};
// Beside other messages in one of a peer's, it must fit into what peers take.
constexpr ByteSize kMaxCommand{8 << 20};
constexpr ByteSize kMaxMessage{16 << 20};
// What the log needs to begin a file of its own.
constexpr ByteSize kLeastLogSegment{3 * storage::kLogBlockBytes};
// What clients and nodes put into a message besides one large command or answer, and the frames.
constexpr ByteSize kMessageRest{2 << 20};
// More would only make every write slower.
constexpr uint64_t kMaxReplicas = 9;
constexpr uint64_t kMaxWeight = 1'000'000;

bool IsWildcard(const Address& address) {
  return address.host == "0.0.0.0" || address.host == "::";
}

struct Door {
  const char* name;
  const Address& listen;
  const Address& advertise;
};
std::array<Door, 3> DoorsOf(const ServerOptions& options) {
  return {Door{"client", options.listen_client, options.advertise_client},
          Door{"peer", options.listen_peer, options.advertise_peer},
          Door{"http", options.listen_http, options.advertise_http}};
}

absl::Status ValidateDoors(const ServerOptions& options) {
  for (const Door& door : DoorsOf(options)) {
    if (!IsLoopback(door.listen) && !options.insecure) {
      return absl::InvalidArgumentError(absl::StrCat(
          "listen-", door.name, " ", FormatValue(door.listen),
          " is open to the network, without encryption or access control; pass --insecure to "
          "accept that"));
    }
    if (IsWildcard(door.listen) && door.advertise.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen-", door.name, " ", FormatValue(door.listen),
                       " is no address that others can dial; set --advertise-", door.name));
    }
    for (const Door& other : DoorsOf(options)) {
      if (&door.listen != &other.listen && door.listen.port != 0 && door.listen == other.listen) {
        return absl::InvalidArgumentError(absl::StrCat("listen-", door.name, " and listen-",
                                                       other.name, " are both ",
                                                       FormatValue(door.listen)));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateCluster(const ServerOptions& options) {
  if (options.node_id == 0) {
    return absl::InvalidArgumentError("node-id is needed: a number from 1, this node's for ever");
  }
  if (options.data_dir.empty()) {
    return absl::InvalidArgumentError("data-dir is needed: the folder that holds this node's data");
  }
  if (options.initial_nodes > 1 && options.join.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("initial-nodes is ", options.initial_nodes,
                                                   ", but join names no node to find"));
  }
  if (options.shards < 1 || options.shards > sharding::kSlotCount) {
    return absl::InvalidArgumentError(absl::StrCat("shards is ", options.shards,
                                                   "; it must be from 1 to ", sharding::kSlotCount,
                                                   ", the number of slots"));
  }
  if (options.replicas < 1 || options.replicas > kMaxReplicas) {
    return absl::InvalidArgumentError(
        absl::StrCat("replicas is ", options.replicas, "; it must be from 1 to ", kMaxReplicas));
  }
  if (options.weight > kMaxWeight) {
    return absl::InvalidArgumentError(
        absl::StrCat("weight is ", options.weight, "; it must be at most ", kMaxWeight));
  }
  return absl::OkStatus();
}

absl::Status ValidateLimits(const ServerOptions& options) {
  const auto check = [](const char* name, ByteSize actual, ByteSize limit) {
    if (actual.bytes > 0 && actual.bytes <= limit.bytes) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, " is ", FormatValue(actual),
                                                   "; it must be positive and at most ",
                                                   FormatValue(limit)));
  };
  FLOTILLA_RETURN_IF_ERROR(check("max-key-size", options.max_key_bytes, kMaxKey));
  FLOTILLA_RETURN_IF_ERROR(check("max-value-size", options.max_value_bytes, kMaxValue));
  FLOTILLA_RETURN_IF_ERROR(check("max-command-size", options.max_command_bytes, kMaxCommand));
  FLOTILLA_RETURN_IF_ERROR(check("max-message-size", options.max_message_bytes, kMaxMessage));
  const ByteSize least_message{options.max_command_bytes.bytes + kMessageRest.bytes};
  if (options.max_message_bytes.bytes < least_message.bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("max-message-size is ", FormatValue(options.max_message_bytes),
                     "; it must be at least 2MiB more than max-command-size, that is ",
                     FormatValue(least_message)));
  }
  // One stream or call holds a quarter at most, and one answer fills a message at most.
  if (options.max_unsent_bytes.bytes < 4 * options.max_message_bytes.bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("request.max-answer-size is ", FormatValue(options.max_unsent_bytes),
                     "; it must be at least four times max-message-size, that is ",
                     FormatValue(ByteSize{4 * options.max_message_bytes.bytes})));
  }
  if (options.max_pending_requests == 0) {
    return absl::InvalidArgumentError(
        "request.max-pending is 0, which refuses all requests; it must be at least 1");
  }
  if (options.log_segment_bytes.bytes < kLeastLogSegment.bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("log.segment-size is ", FormatValue(options.log_segment_bytes),
                     "; it must be at least ", FormatValue(kLeastLogSegment)));
  }
  if (options.tick <= Duration(0) || options.election_timeout_ticks <= options.heartbeat_ticks ||
      options.heartbeat_ticks == 0) {
    return absl::InvalidArgumentError(
        "raft.tick must be positive, and raft.election-ticks greater than raft.heartbeat-ticks");
  }
  return absl::OkStatus();
}

}  // namespace

bool IsLoopback(const Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

absl::Status Validate(const ServerOptions& options) {
  FLOTILLA_RETURN_IF_ERROR(ValidateCluster(options));
  FLOTILLA_RETURN_IF_ERROR(ValidateDoors(options));
  return ValidateLimits(options);
}

void Complete(ServerOptions* options) {
  const std::pair<const Address&, Address&> doors[] = {
      {options->listen_client, options->advertise_client},
      {options->listen_peer, options->advertise_peer},
      {options->listen_http, options->advertise_http}};
  for (const auto& [listen, advertise] : doors) {
    if (advertise.empty()) advertise = listen;
    if (advertise.port == 0) advertise.port = listen.port;
  }
  if (options->join.empty()) options->join = {options->advertise_peer};
  if (options->initial_nodes == 0) options->initial_nodes = options->join.size();
}

}  // namespace flotilla::server

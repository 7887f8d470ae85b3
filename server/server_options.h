// All that can be configured, with its defaults. settings.cc names each member as a flag, an
// environment variable and a key of the configuration file.
#ifndef FLOTILLA_SERVER_SERVER_OPTIONS_H_
#define FLOTILLA_SERVER_SERVER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/logger.h"
#include "server/value_text.h"

namespace flotilla::server {

struct ServerOptions {
  uint64_t node_id = 0;
  std::string data_dir;
  std::vector<Address> join;
  uint64_t initial_nodes = 0;
  uint64_t shards = 16;
  uint64_t replicas = 3;
  std::string zone;
  uint64_t weight = 1;
  bool balance = true;
  Duration dead_after = std::chrono::minutes(10);
  ByteSize split_bytes{0};
  uint64_t split_load = 0;

  Address listen_client{"127.0.0.1", 6170};
  Address listen_peer{"127.0.0.1", 6171};
  Address listen_http{"127.0.0.1", 6172};
  Address advertise_client;
  Address advertise_peer;
  Address advertise_http;
  bool insecure = false;
  bool reflection = true;
  uint64_t max_connections = 4096;

  LogLevel log_level = LogLevel::kInfo;
  Duration slow_request = std::chrono::seconds(1);
  bool log_stages = false;
  Duration stop_timeout = std::chrono::seconds(10);

  Duration default_timeout = std::chrono::seconds(10);
  Duration max_timeout = std::chrono::minutes(1);
  uint64_t max_pending_requests = 100'000;
  ByteSize max_pending_bytes{256 << 20};
  ByteSize max_unsent_bytes{256 << 20};
  ByteSize max_message_bytes{16 << 20};
  ByteSize max_key_bytes{4 << 10};
  ByteSize max_value_bytes{1 << 20};
  ByteSize max_command_bytes{4 << 20};

  Duration tick = std::chrono::milliseconds(50);
  uint64_t election_timeout_ticks = 10;
  uint64_t heartbeat_ticks = 1;
  Duration round_spacing = std::chrono::microseconds(500);
  ByteSize entry_cache_bytes{32 << 20};

  ByteSize snapshot_bytes_per_second{128 << 20};
  uint64_t snapshot_max_sends = 2;
  uint64_t snapshot_max_receives = 2;
  Duration snapshot_keep = std::chrono::minutes(1);

  ByteSize log_segment_bytes{64 << 20};
  ByteSize log_budget_bytes{1 << 30};
  ByteSize engine_cache_bytes{64 << 20};
  ByteSize engine_memtable_bytes{16 << 20};
  ByteSize flush_log_bytes{64 << 20};
  ByteSize min_free_space{128 << 20};
};

// What no single setting can tell: required ones are there, and they fit each other.
// kInvalidArgument.
absl::Status Validate(const ServerOptions& options);

// Fills in what follows from other settings: addresses that are advertised are those listened on,
// as bound; a node without `join` is its own cluster; a cluster begins with the nodes in `join`.
void Complete(ServerOptions* options);

bool IsLoopback(const Address& address);

}  // namespace flotilla::server

#endif  // FLOTILLA_SERVER_SERVER_OPTIONS_H_

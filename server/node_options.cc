#include "server/node_options.h"

namespace flotilla::server {
namespace {

kv::Limits LimitsOf(const ServerOptions& options) {
  kv::Limits limits;
  limits.max_key_bytes = options.max_key_bytes.bytes;
  limits.max_value_bytes = options.max_value_bytes.bytes;
  limits.max_command_bytes = options.max_command_bytes.bytes;
  return limits;
}

}  // namespace

node::NodeOptions NodeOptionsOf(const ServerOptions& options) {
  node::NodeOptions node;
  node.node = NodeId(options.node_id);
  node.data_folder = options.data_dir;
  for (const Address& address : options.join) node.join.push_back(FormatValue(address));
  node.initial_nodes = static_cast<uint32_t>(options.initial_nodes);
  node.initial_shards = static_cast<uint32_t>(options.shards);
  node.replicas = static_cast<uint32_t>(options.replicas);
  node.zone = options.zone;
  node.weight = static_cast<uint32_t>(options.weight);
  node.balance = options.balance;
  node.dead_after = options.dead_after;
  node.split_bytes = options.split_bytes.bytes;
  node.split_load = options.split_load;
  node.advertise_peer = FormatValue(options.advertise_peer);
  node.advertise_client = FormatValue(options.advertise_client);
  node.raft.election_timeout_ticks = static_cast<int>(options.election_timeout_ticks);
  node.raft.heartbeat_ticks = static_cast<int>(options.heartbeat_ticks);
  node.raft.entry_cache_bytes = options.entry_cache_bytes.bytes;
  node.tick = options.tick;
  node.log.segment_bytes = options.log_segment_bytes.bytes;
  node.log.budget_bytes = options.log_budget_bytes.bytes;
  node.limits = LimitsOf(options);
  node.max_pending_requests = options.max_pending_requests;
  node.max_pending_bytes = options.max_pending_bytes.bytes;
  node.round_spacing = options.round_spacing;
  node.flush_log_bytes = options.flush_log_bytes.bytes;
  node.snapshot_bytes_per_second = options.snapshot_bytes_per_second.bytes;
  node.snapshot_max_sends = options.snapshot_max_sends;
  node.snapshot_max_receives = options.snapshot_max_receives;
  node.snapshot_keep = options.snapshot_keep;
  node.disk_reserve_bytes = options.min_free_space.bytes;
  return node;
}

PeerOptions PeerOptionsOf(const ServerOptions& options) {
  PeerOptions peers;
  peers.self = NodeId(options.node_id);
  peers.silence = options.tick * static_cast<int64_t>(options.election_timeout_ticks);
  return peers;
}

RequestOptions RequestOptionsOf(const ServerOptions& options) {
  return {.limits = LimitsOf(options),
          .default_timeout = options.default_timeout,
          .max_timeout = options.max_timeout};
}

Gateway::Options GatewayOptionsOf(const ServerOptions& options) {
  // Room for the frame around the values.
  constexpr size_t kFrame = 64 << 10;
  const size_t message = options.max_message_bytes.bytes;
  return {.max_answer_bytes = message > 2 * kFrame ? message - kFrame : message / 2,
          .max_unsent_bytes = options.max_unsent_bytes.bytes,
          .slow_request = options.slow_request};
}

storage::LevelDBOptions EngineOptionsOf(const ServerOptions& options) {
  storage::LevelDBOptions engine;
  engine.write_buffer_bytes = options.engine_memtable_bytes.bytes;
  engine.block_cache_bytes = options.engine_cache_bytes.bytes;
  // What was proposed before the node noticed must still find room.
  engine.reserved_disk_bytes = options.min_free_space.bytes / 2;
  return engine;
}

}  // namespace flotilla::server

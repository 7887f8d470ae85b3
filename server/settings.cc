#include "server/settings.h"

#include <algorithm>
#include <numeric>
#include <type_traits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "server/value_text.h"

namespace flotilla::server {
namespace {

// A setting that is one member of ServerOptions.
template <auto kMember>
constexpr Setting Of(std::string_view name, std::string_view help) {
  using Value = std::remove_cvref_t<decltype(std::declval<ServerOptions>().*kMember)>;
  return Setting{name, help,
                 [](std::string_view text, ServerOptions* options) {
                   return ParseValue(text, &(options->*kMember));
                 },
                 [](const ServerOptions& options) { return FormatValue(options.*kMember); },
                 std::is_same_v<Value, bool>};
}

using O = ServerOptions;

constexpr Setting kSettings[] = {
    Of<&O::node_id>("node-id", "This node's number, from 1; never changes and is never reused."),
    Of<&O::data_dir>("data-dir", "The folder that holds this node's data; created when missing."),
    Of<&O::join>("join",
                 "Peer addresses of the cluster's nodes, comma-separated; this node's own may be "
                 "among them. None: a cluster of one."),
    Of<&O::initial_nodes>("initial-nodes",
                          "With how many nodes a new cluster begins. 0: as many as join names."),
    Of<&O::shards>("shards", "With how many shards a new cluster begins; at most 16384."),
    Of<&O::replicas>(
        "replicas", "Of every shard; with fewer nodes, fewer. Counts when the cluster is founded."),
    Of<&O::zone>(
        "zone",
        "Where this node is: nodes of one zone fail together, and replicas are spread over "
        "zones. Empty: a zone of its own."),
    Of<&O::weight>("weight",
                   "This node's capacity, relative to others'; with 0 it is given no replicas."),
    Of<&O::balance>(
        "balance",
        "Whether replicas and leaders are moved without being asked: to new nodes, away "
        "from drained and dead ones, and to even out."),
    Of<&O::dead_after>("dead-after",
                       "What a node holds is replaced when it has been silent for so long."),
    Of<&O::split_bytes>("split-size", "Shards above it are split. 0: never."),
    Of<&O::split_load>("split-load",
                       "Requests per second, each for one slot, above which a shard is split. To "
                       "be the same on all nodes. 0: never."),

    Of<&O::listen_client>("listen-client", "Where clients are served (gRPC)."),
    Of<&O::listen_peer>("listen-peer", "Where other nodes are served (gRPC)."),
    Of<&O::listen_http>("listen-http", "Where /metrics, /livez and /readyz are served (HTTP)."),
    Of<&O::advertise_client>("advertise-client",
                             "The address that clients are told; listen-client when empty."),
    Of<&O::advertise_peer>("advertise-peer",
                           "The address that other nodes dial; listen-peer when empty."),
    Of<&O::advertise_http>("advertise-http",
                           "The address that people are told; listen-http when empty."),
    Of<&O::insecure>("insecure",
                     "Allows listening beyond loopback without encryption and access control."),
    Of<&O::reflection>("reflection", "Whether gRPC reflection describes the API to tools."),
    Of<&O::max_connections>("max-connections",
                            "Connections of clients and peers together; more are closed at once."),

    Of<&O::log_level>("log-level", "Least level of log lines: debug, info, warning, error."),
    Of<&O::slow_request>("slow-request", "Requests that take longer are logged."),
    Of<&O::log_stages>("log-stages",
                       "Whether the stages of writes with a sampled traceparent are logged."),
    Of<&O::stop_timeout>("stop-timeout", "How long a graceful stop may take."),

    Of<&O::default_timeout>("request.default-timeout", "Of a request that names none."),
    Of<&O::max_timeout>("request.max-timeout", "Longer timeouts are cut to this."),
    Of<&O::max_pending_requests>("request.max-pending",
                                 "Requests accepted and not yet answered; more are refused."),
    Of<&O::max_pending_bytes>("request.max-pending-size", "The same in bytes."),
    Of<&O::max_unsent_bytes>("request.max-answer-size",
                             "Answers that have not left yet; reads beyond it are refused. At "
                             "least four times max-message-size."),
    Of<&O::max_message_bytes>("max-message-size",
                              "Of one gRPC message; at most 16MiB, and at least 2MiB more than "
                              "max-command-size."),
    Of<&O::max_key_bytes>("max-key-size", "At most 4KiB. Counts when the cluster is founded."),
    Of<&O::max_value_bytes>("max-value-size", "At most 8MiB. Counts when the cluster is founded."),
    Of<&O::max_command_bytes>("max-command-size",
                              "Of one write with all its values; at most 8MiB. Counts when the "
                              "cluster is founded."),

    Of<&O::tick>("raft.tick", "The unit of Raft's timers."),
    Of<&O::election_timeout_ticks>("raft.election-ticks",
                                   "A follower campaigns after one to two times this long without "
                                   "a leader."),
    Of<&O::heartbeat_ticks>("raft.heartbeat-ticks", "Between two heartbeats of a leader."),
    Of<&O::round_spacing>("raft.round-spacing",
                          "Least time between two batches of writes under load."),
    Of<&O::entry_cache_bytes>("raft.entry-cache", "Log entries of a shard kept for slow peers."),

    Of<&O::snapshot_bytes_per_second>("snapshot.rate",
                                      "Bytes of snapshots sent per second. 0: no limit."),
    Of<&O::snapshot_max_sends>("snapshot.max-sends", "Sent at once; others wait. 0: no limit."),
    Of<&O::snapshot_max_receives>("snapshot.max-receives", "Received at once, likewise."),
    Of<&O::snapshot_keep>("snapshot.keep", "How long an interrupted one waits to go on."),

    Of<&O::log_segment_bytes>("log.segment-size", "Of one file of the write-ahead log."),
    Of<&O::log_budget_bytes>("log.budget", "Beyond this the write-ahead log is compacted harder."),
    Of<&O::flush_log_bytes>("log.flush-after", "Log of a shard after which its engine is flushed."),
    Of<&O::engine_cache_bytes>("engine.cache", "Block cache of all shards together."),
    Of<&O::engine_memtable_bytes>("engine.memtable", "Unflushed writes of one shard."),
    Of<&O::min_free_space>("min-free-space", "Writes are refused while the disk has less free."),
};

// Levenshtein's distance, row by row.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const Setting> AllSettings() { return kSettings; }

const Setting* FindSetting(std::string_view name) {
  const auto it = std::ranges::find(kSettings, name, &Setting::name);
  return it == std::end(kSettings) ? nullptr : it;
}

const Setting* NearestSetting(std::string_view name) {
  const auto distance = [&](const Setting& setting) { return EditDistance(name, setting.name); };
  const Setting* nearest = std::ranges::min_element(kSettings, {}, distance);
  return distance(*nearest) <= std::max<size_t>(2, name.size() / 4) ? nearest : nullptr;
}

std::string EnvironmentNameOf(const Setting& setting) {
  return absl::AsciiStrToUpper(absl::StrCat(
      "FLOTILLA_", absl::StrReplaceAll(AbslView(setting.name), {{"-", "_"}, {".", "_"}})));
}

}  // namespace flotilla::server

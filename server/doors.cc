#include "server/doors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/process_stats.h"

namespace flotilla::server {
namespace {

// Fewer would not even do for the log, one engine and the peers.
constexpr uint64_t kLeastDescriptors = 256;
// For the log, engines and gRPC itself.
constexpr uint64_t kMostReserved = 1024;

Failure CannotListen(const char* door, const absl::Status& why) {
  return {.code = ExitCode::kAddress,
          .what = absl::StrCat("cannot serve ", door),
          .why = std::string(StdView(why.message())),
          .remedy = absl::StrCat("stop the process that uses the port, or choose another address "
                                 "with --listen-",
                                 door)};
}

Doorman::Options DoormanOptions(const char* door, uint64_t descriptor_limit,
                                MetricsRegistry& metrics) {
  const MetricLabels labels = {{"port", door}};
  return {.descriptor_limit = static_cast<int>(std::min<uint64_t>(descriptor_limit, 1 << 30)),
          .accepted = &metrics.AddCounter("flotilla_connections_accepted_total",
                                          "Connections let in.", labels),
          .turned_away =
              &metrics.AddCounter("flotilla_connections_refused_total",
                                  "Connections closed at once: there are too many.", labels)};
}

}  // namespace

std::optional<Failure> OpenDoors(ServerOptions* options, MetricsRegistry& metrics, Doors* doors) {
  const uint64_t limit = RaiseDescriptorLimit();
  if (limit < kLeastDescriptors) {
    return Failure{.code = ExitCode::kLimits,
                   .what = "too few file descriptors",
                   .why = absl::StrCat("the limit is ", limit, ", at least ", kLeastDescriptors,
                                       " are needed"),
                   .remedy = "raise it: ulimit -n 65536, or LimitNOFILE= of the service"};
  }
  const uint64_t reserved = std::min(kMostReserved, limit / 2);
  const uint64_t for_clients = std::min(limit - reserved, reserved + options->max_connections);
  // Clients in a flood never lock peers out.
  const uint64_t for_peers = std::min(limit - reserved / 2, for_clients + reserved / 2);

  auto clients =
      Doorman::Listen(options->listen_client, DoormanOptions("client", for_clients, metrics));
  if (!clients.ok()) return CannotListen("client", clients.status());
  auto peers = Doorman::Listen(options->listen_peer, DoormanOptions("peer", for_peers, metrics));
  if (!peers.ok()) return CannotListen("peer", peers.status());
  // Nor do both together lock out whoever asks how the node is.
  const uint64_t for_http = std::min(limit - reserved / 4, for_peers + kMostReserved / 4);
  auto http = Doorman::Listen(options->listen_http, DoormanOptions("http", for_http, metrics));
  if (!http.ok()) return CannotListen("http", http.status());

  options->listen_client = (*clients)->address();
  options->listen_peer = (*peers)->address();
  options->listen_http = (*http)->address();
  *doors = {*std::move(clients), *std::move(peers), HttpEndpoint::Create(*std::move(http))};
  return std::nullopt;
}

}  // namespace flotilla::server

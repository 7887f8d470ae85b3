#include "server/node_host.h"

#include <condition_variable>
#include <future>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "base/posix_background_pool.h"
#include "base/posix_disk.h"
#include "base/posix_executor.h"
#include "base/posix_sequence.h"
#include "base/status_macros.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "node/authorizer.h"
#include "node/node.h"
#include "server/cluster_service.h"
#include "server/credentials.h"
#include "server/doors.h"
#include "server/gateway.h"
#include "server/grpc_endpoint.h"
#include "server/grpc_peer_transport.h"
#include "server/health_pages.h"
#include "server/health_service.h"
#include "server/kv_service.h"
#include "server/memory_trimmer.h"
#include "server/metrics_page.h"
#include "server/node_options.h"
#include "server/request_metrics.h"
#include "server/stage_log.h"
#include "server/status_board.h"
#include "server/version.h"
#include "storage/leveldb_engine_source.h"

namespace flotilla::server {
namespace {

constexpr int kCompactionThreads = 2;
// For streams to end by themselves when the node has answered everything.
constexpr Duration kIdleStreams = std::chrono::milliseconds(200);

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

Failure CannotOpen(const std::string& folder, const absl::Status& why) {
  Failure failure{.code = ExitCode::kDataFolder,
                  .what = "cannot use the data folder " + folder,
                  .why = std::string(StdView(why.message())),
                  .remedy = ""};
  switch (why.code()) {
    case absl::StatusCode::kFailedPrecondition:
      failure.remedy =
          "check --data-dir and --node-id, and that no other flotillad runs on this folder";
      break;
    case absl::StatusCode::kUnimplemented:
      failure.remedy = "start the newer version of flotillad that wrote this folder";
      break;
    case absl::StatusCode::kDataLoss:
      failure.remedy =
          "check the disk; then add a node with an empty folder under a new node id, and remove "
          "this one from the cluster (docs/operations.md)";
      break;
    case absl::StatusCode::kResourceExhausted:
      failure.remedy = "free space on the disk, or raise the limit that the message names";
      break;
    case absl::StatusCode::kPermissionDenied:
      failure.remedy = "make the folder writable for the user that runs flotillad";
      break;
    default:
      failure.remedy = "check that the folder exists and can be written";
  }
  return failure;
}

class Host : public NodeHost {
 public:
  Host(const ServerOptions& options, Clock& clock, Logger& logger, OnFatal on_fatal)
      : options_(options),
        clock_(clock),
        logger_(logger),
        on_fatal_(std::move(on_fatal)),
        request_metrics_(metrics_),
        credentials_(NewInsecureCredentials()),
        compactions_(kCompactionThreads),
        sequences_(PosixSequenceSource::Options{}),
        engines_(EngineOptionsOf(options), disk_, clock, compactions_, on_fatal_),
        executor_(clock, "node") {}

  ~Host() override {
    // What is posted refers to everything below it.
    executor_.Stop();
  }

  std::optional<Failure> Start() {
    Doors doors;
    if (auto failure = OpenDoors(&options_, metrics_, &doors)) return failure;
    Complete(&options_);
    transport_.emplace(PeerOptionsOf(options_), executor_, clock_, *credentials_, logger_, metrics_,
                       DrawSeed());
    if (auto failure = StartNode()) return failure;
    http_ = std::move(doors.http);
    http_->Serve(
        {{"/metrics", [this](const HttpQuery&) { return ServeMetrics(); }},
         {"/livez", [this](const HttpQuery& query) { return LivePage(*board_, query); }},
         {"/readyz", [this](const HttpQuery& query) { return ReadyPage(*board_, query); }}});
    peers_ = GrpcEndpoint::Start(
        std::move(doors.peers), *credentials_, {&transport_->service()},
        {.audience = Audience::kPeers, .max_message_bytes = PeerOptions().max_message_bytes});
    ServeClients(std::move(doors.clients));
    RunOnExecutor([this] { board_->Start(); });
    return std::nullopt;
  }

  void Stop(Duration limit) override {
    RunOnExecutor([this] { board_->Stop(); });
    std::promise<void> stopped;
    executor_.Post(
        [this, limit, &stopped] { node_->Stop(limit, [&stopped] { stopped.set_value(); }); });
    stopped.get_future().wait();
    // All that was asked is answered; what is still open are idle streams.
    health_->Stop();
    clients_->Shutdown(kIdleStreams);
    peers_->Shutdown(Duration(0));
    http_->Stop();
  }

  const ServerOptions& options() const override { return options_; }

 private:
  std::optional<Failure> StartNode() {
    absl::Status started;
    RunOnExecutor([this, &started] {
      node::NodeEnvironment environment{.clock = clock_,
                                        .executor = executor_,
                                        .sequences = sequences_,
                                        .disk = disk_,
                                        .engines = engines_,
                                        .transport = *transport_,
                                        .logger = logger_,
                                        .authorizer = authorizer_,
                                        .stages = options_.log_stages ? &stages_ : nullptr,
                                        .metrics = &metrics_,
                                        .seed = DrawSeed(),
                                        .on_fatal = on_fatal_};
      auto node = node::Node::Start(NodeOptionsOf(options_), std::move(environment));
      started = node.status();
      if (!node.ok()) return;
      node_ = *std::move(node);
      transport_->SetEvents(node_.get());
    });
    if (!started.ok()) return CannotOpen(options_.data_dir, started);
    board_.emplace(*node_, executor_, clock_, [this](bool ready) { OnReady(ready); });
    return std::nullopt;
  }

  void ServeClients(std::unique_ptr<Doorman> doorman) {
    gateway_.emplace(*node_, executor_, clock_, logger_, request_metrics_,
                     GatewayOptionsOf(options_));
    codec_.emplace(RequestOptionsOf(options_));
    kv_service_ = NewKvService(*gateway_, *codec_);
    cluster_service_ = NewClusterService(*node_, executor_, authorizer_, std::string(Version()));
    clients_ = GrpcEndpoint::Start(std::move(doorman), *credentials_,
                                   {kv_service_.get(), cluster_service_.get(), &health_->service()},
                                   {.audience = Audience::kClients,
                                    .max_message_bytes = options_.max_message_bytes.bytes,
                                    .reflection = options_.reflection});
  }

  HttpReply ServeMetrics() {
    return {.body = MetricsPage(metrics_, *board_),
            .content_type = "text/plain; version=0.0.4; charset=utf-8"};
  }

  void OnReady(bool ready) {
    logger_.Info(ready ? "ready" : "not_ready");
    health_->SetServing(ready);
  }

  // Runs `work` on the executor and waits for it.
  void RunOnExecutor(std::function<void()> work) {
    std::promise<void> done;
    executor_.Post([&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  ServerOptions options_;
  Clock& clock_;
  Logger& logger_;
  const OnFatal on_fatal_;
  const MemoryTrimmer trimmer_;
  MetricsRegistry metrics_;
  RequestMetrics request_metrics_;
  node::AllowAll authorizer_;
  const std::unique_ptr<CredentialsFactory> credentials_;
  PosixDisk disk_;
  PosixBackgroundPool compactions_;
  PosixSequenceSource sequences_;
  storage::LevelDBEngineSource engines_;

  // In the order in which each needs the ones before it.
  StageLog stages_{logger_};
  PosixExecutor executor_;
  std::optional<GrpcPeerTransport> transport_;
  std::unique_ptr<node::Node> node_;
  std::optional<StatusBoard> board_;
  std::optional<Gateway> gateway_;
  std::optional<RequestCodec> codec_;
  std::unique_ptr<grpc::Service> kv_service_;
  std::unique_ptr<grpc::Service> cluster_service_;
  const std::unique_ptr<HealthService> health_ =
      HealthService::Create({"", "flotilla.v1.KvService", "flotilla.v1.ClusterService"});
  std::unique_ptr<HttpEndpoint> http_;
  std::unique_ptr<GrpcEndpoint> peers_;
  std::unique_ptr<GrpcEndpoint> clients_;
};

}  // namespace

std::unique_ptr<NodeHost> NodeHost::Start(const ServerOptions& options, Clock& clock,
                                          Logger& logger, OnFatal on_fatal, Failure* failure) {
  auto host = std::make_unique<Host>(options, clock, logger, std::move(on_fatal));
  if (auto failed = host->Start()) {
    *failure = *std::move(failed);
    return nullptr;
  }
  return host;
}

}  // namespace flotilla::server

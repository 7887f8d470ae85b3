// load_generator: one load, the same for each back end. Prints one line of JSON.
//
//   load_generator --store flotilla --endpoints 127.0.0.1:6170 --callers 256
//   load_generator --store etcd --endpoints 127.0.0.1:2379 --connections 16 --style events

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "bench/etcd_store.h"
#include "bench/flotilla_store.h"
#include "bench/load.h"
#include "bench/workload.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

struct Arguments {
  std::string store = "flotilla";
  std::vector<std::string> endpoints;
  int connections = 16;
  double warm_up_seconds = 2;
  double seconds = 5;
  WorkloadOptions workload;
  LoadOptions load;
};

Duration FromSeconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void Describe(CLI::App& app, Arguments& arguments) {
  static const std::map<std::string, Operation::Kind> kKinds = {{"put", Operation::Kind::kPut},
                                                                {"get", Operation::Kind::kGet}};
  static const std::map<std::string, CallStyle> kStyles = {{"threads", CallStyle::kThreads},
                                                           {"events", CallStyle::kEvents}};
  app.add_option("--store", arguments.store)->check(CLI::IsMember({"flotilla", "etcd"}));
  app.add_option("--endpoints", arguments.endpoints, "host:port,...")->delimiter(',')->required();
  app.add_option("--connections", arguments.connections, "etcd: TCP connections");
  app.add_option("--workload", arguments.workload.kind)->transform(CLI::CheckedTransformer(kKinds));
  app.add_option("--style", arguments.load.style, "threads (synchronous calls) or events")
      ->transform(CLI::CheckedTransformer(kStyles));
  app.add_option("--callers", arguments.load.callers)->check(CLI::PositiveNumber);
  app.add_option("--keys", arguments.workload.keys)->check(CLI::PositiveNumber);
  app.add_option("--key-bytes", arguments.workload.key_bytes)->check(CLI::PositiveNumber);
  app.add_option("--value-bytes", arguments.workload.value_bytes);
  app.add_option("--warm-up", arguments.warm_up_seconds, "seconds");
  app.add_option("--seconds", arguments.seconds, "measured")->check(CLI::PositiveNumber);
  app.add_option("--server-pids", arguments.load.servers, "whose CPU time is measured")
      ->delimiter(',');
}

absl::StatusOr<std::unique_ptr<Store>> Connect(const Arguments& arguments) {
  if (arguments.store == "etcd") {
    return std::make_unique<EtcdStore>(arguments.endpoints, arguments.connections);
  }
  auto client = Client::Connect(absl::StrJoin(arguments.endpoints, ","));
  if (!client.ok()) return absl::InvalidArgumentError(client.status().ToString());
  return std::make_unique<FlotillaStore>(*std::move(client));
}

double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

nlohmann::ordered_json Report(const Arguments& arguments, const LoadResult& result) {
  const auto count = static_cast<double>(result.latencies.count());
  const auto per_operation = [&](Duration cpu) {
    return count == 0 ? 0 : Milliseconds(cpu) * 1000 / count;
  };
  const auto percentile = [&](double share) {
    return Milliseconds(result.latencies.Percentile(share));
  };
  return {
      {"store", arguments.store},
      {"callers", arguments.load.callers},
      {"operations", result.latencies.count()},
      {"failures", result.failures},
      {"first_failure", std::string(result.first_failure.message())},
      {"per_s", count / Milliseconds(result.span) * 1000},
      {"p50_ms", percentile(0.5)},
      {"p99_ms", percentile(0.99)},
      {"p999_ms", percentile(0.999)},
      {"max_ms", percentile(1)},
      {"server_cpu_us", per_operation(result.server_cpu)},
      {"generator_cpu_us", per_operation(result.generator_cpu)},
  };
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Measures a key-value store under a closed load.");
  Describe(app, arguments);
  CLI11_PARSE(app, argc, argv);
  arguments.load.warm_up = FromSeconds(arguments.warm_up_seconds);
  arguments.load.measured = FromSeconds(arguments.seconds);

  const auto store = Connect(arguments);
  absl::Status status = store.status();
  LoadResult result;
  if (store.ok()) {
    status = RunLoad(**store, Workload(arguments.workload), arguments.load, &result);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "load_generator: %s\n", status.ToString().c_str());
    return 1;
  }
  std::puts(Report(arguments, result).dump().c_str());
  return 0;
}

}  // namespace

}  // namespace flotilla::bench

int main(int argc, char** argv) { return flotilla::bench::Main(argc, argv); }

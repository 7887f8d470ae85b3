// reshard_load: writes and scans without pause while a cluster is being changed, and checks all of
// it. Callers that wait for each answer write to the whole ring; beside them every arc of the ring
// is written to at a steady pace, whatever the answers do, so that a pause shows. Prints what
// bench/service_log.h says; the first line is empty and means that it has begun. The end of its
// standard input ends the load; then everything is read back, and the last line is the verdict:
//
//   {"acked":1200000,"unknown":0,"lost":0,"repeated":0,"scans":900,"scan_errors":0}

#include <atomic>
#include <cstdio>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/call_window.h"
#include "bench/scan_check.h"
#include "bench/service_log.h"
#include "bench/write_record.h"
#include "flotilla/client.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

constexpr size_t kTagsPerArc = 8;
constexpr size_t kReadsInFlight = 4000;
// After a refusal, so that a store that refuses everything is not asked without pause.
constexpr std::chrono::milliseconds kPauseAfterFailure{10};

struct Arguments {
  std::string endpoints;
  size_t callers = 8;
  size_t arcs = 32;
  double per_second = 40;  // paced writes to each arc
  size_t in_flight = 20000;
  size_t shortest_gap_ms = 30;
};

class ReshardLoad {
 public:
  ReshardLoad(std::unique_ptr<Client> client, const Arguments& arguments)
      : client_(std::move(client)),
        arguments_(arguments),
        log_(arguments.arcs, std::chrono::milliseconds(arguments.shortest_gap_ms)),
        scan_check_(*client_) {
    for (size_t i = 0; i < arguments.callers; ++i) {
      callers_.emplace_back(std::vector<std::string>{"caller/" + std::to_string(i) + "/"});
    }
    for (size_t arc = 0; arc < arguments.arcs; ++arc) arcs_.emplace_back(PrefixesIn(arc));
  }
  ~ReshardLoad() { client_.reset(); }  // before what its answers go to
  ReshardLoad(const ReshardLoad&) = delete;
  ReshardLoad& operator=(const ReshardLoad&) = delete;

  Status Run() {
    if (Status prepared = scan_check_.Prepare(); !prepared.ok()) return prepared;
    log_.Open();
    std::puts("");
    std::fflush(stdout);
    std::vector<std::thread> threads;
    for (WriteRecord& caller : callers_) threads.emplace_back([&] { WriteAndWait(caller); });
    threads.emplace_back([this] { WriteAtPace(); });
    threads.emplace_back([this] {
      while (!stopped_) scan_check_.ScanOnce();
    });
    while (std::cin.get() != EOF) continue;
    log_.Close();
    stopped_ = true;
    for (std::thread& thread : threads) thread.join();
    paced_.Drain();
    return Verify();
  }

 private:
  std::vector<std::string> PrefixesIn(size_t arc) const {
    std::vector<std::string> prefixes;
    for (size_t i = 0; prefixes.size() < kTagsPerArc; ++i) {
      std::string prefix = "arc/{" + std::to_string(i) + "}/";
      if (log_.ArcOf(prefix) == arc) prefixes.push_back(std::move(prefix));
    }
    return prefixes;
  }

  void WriteAndWait(WriteRecord& caller) {
    while (!stopped_) {
      const size_t arc = log_.ArcOf(caller.NextKey());
      if (caller.WriteNext(*client_).get()) {
        log_.Acknowledged(arc);
      } else {
        std::this_thread::sleep_for(kPauseAfterFailure);
      }
    }
  }

  void WriteAtPace() {
    const auto step = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(1 / arguments_.per_second /
                                      static_cast<double>(arcs_.size())));
    auto due = std::chrono::steady_clock::now();
    for (size_t arc = 0; !stopped_; arc = (arc + 1) % arcs_.size(), due += step) {
      std::this_thread::sleep_until(due);
      paced_.Enter();
      (void)arcs_[arc].WriteNext(*client_).then([this, arc](bool acknowledged) {
        if (acknowledged) log_.Acknowledged(arc);
        paced_.Leave(Status());
      });
    }
  }

  Status Verify() {
    CallWindow window(kReadsInFlight);
    WriteVerdict verdict;
    for (WriteRecord& record : callers_) record.Verify(*client_, window, verdict);
    for (WriteRecord& record : arcs_) record.Verify(*client_, window, verdict);
    if (!window.failure().ok()) return window.failure();
    const nlohmann::ordered_json line = {
        {"acked", verdict.acked},       {"unknown", verdict.unknown},
        {"lost", verdict.lost},         {"repeated", verdict.repeated},
        {"scans", scan_check_.scans()}, {"scan_errors", scan_check_.errors()}};
    std::puts(line.dump().c_str());
    return {};
  }

  std::unique_ptr<Client> client_;
  const Arguments arguments_;
  ServiceLog log_;
  ScanCheck scan_check_;
  std::deque<WriteRecord> callers_;
  std::deque<WriteRecord> arcs_;
  CallWindow paced_{arguments_.in_flight};
  std::atomic<bool> stopped_ = false;
};

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Writes and scans while a cluster is changed, and checks all of it.");
  app.add_option("--endpoints", arguments.endpoints, "host:port,...")->required();
  app.add_option("--callers", arguments.callers, "that wait for each answer");
  app.add_option("--arcs", arguments.arcs, "of the ring")->check(CLI::PositiveNumber);
  app.add_option("--per-second", arguments.per_second, "paced writes to each arc")
      ->check(CLI::PositiveNumber);
  app.add_option("--shortest-gap", arguments.shortest_gap_ms, "that is reported, in milliseconds");
  CLI11_PARSE(app, argc, argv);

  ClientOptions options;
  options.timeout = std::chrono::seconds(60);
  auto client = Client::Connect(arguments.endpoints, options);
  const Status status =
      client.ok() ? ReshardLoad(*std::move(client), arguments).Run() : client.status();
  if (status.ok()) return 0;
  std::fprintf(stderr, "reshard_load: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace

}  // namespace flotilla::bench

int main(int argc, char** argv) { return flotilla::bench::Main(argc, argv); }

// shard_load: what scripts/bench-shards does to the data of a cluster.
//
//   shard_load fill --endpoints 127.0.0.1:6170 --bytes 1000000000
//     puts so much as fast as it can: keys in order, values that cannot be compressed. Prints how
//     many bytes were sent, every few seconds.
//   shard_load probe --endpoints 127.0.0.1:6170
//     small puts to both halves of the ring, at a steady pace whatever the answers do. For every
//     line on its standard input it prints one line of JSON: the longest time, since the line
//     before, in which a half got no answer. The end of its standard input ends it.

#include <atomic>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/posix_clock.h"
#include "base/random.h"
#include "bench/ack_gaps.h"
#include "bench/call_window.h"
#include "flotilla/client.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

struct Arguments {
  std::string endpoints;
  uint64_t bytes = 0;
  size_t value_bytes = 1000;
  size_t in_flight = 4000;
  double per_second = 1000;  // to each half
};

ClientOptions PatientOptions() {
  ClientOptions options;
  options.timeout = std::chrono::seconds(60);
  return options;
}

class Noise {
 public:
  explicit Noise(size_t value_bytes) : value_bytes_(value_bytes), bytes_(kBytes + value_bytes, 0) {
    for (char& byte : bytes_) byte = static_cast<char>(random_.Next());
  }
  // A part of much noise: no two values that meet in one block are alike.
  std::string Value() { return bytes_.substr(random_.Below(kBytes), value_bytes_); }

 private:
  static constexpr size_t kBytes = 16 << 20;
  const size_t value_bytes_;
  Random random_{1};
  std::string bytes_;
};

Status Fill(std::unique_ptr<Client> client, const Arguments& arguments) {
  PosixClock clock;
  Noise noise(arguments.value_bytes);
  CallWindow window(arguments.in_flight);
  MonoTime print_at = clock.Now();
  uint64_t sent = 0;
  for (uint64_t number = 0; sent < arguments.bytes && window.failure().ok(); ++number) {
    char key[24];
    std::snprintf(key, sizeof(key), "fill/%012llu", static_cast<unsigned long long>(number));
    window.Enter();
    (void)client->PutAsync(key, noise.Value()).then([&window](const StatusOr<PutResult>& put) {
      window.Leave(put.status());
    });
    sent += arguments.value_bytes;
    if (clock.Now() < print_at) continue;
    print_at = clock.Now() + std::chrono::seconds(5);
    std::printf("%llu\n", static_cast<unsigned long long>(sent));
    std::fflush(stdout);
  }
  window.Drain();
  // Before what its answers go to.
  client.reset();
  return window.failure();
}

// The small puts to one half of the ring.
class Half {
 public:
  Half(Client& client, Clock& clock, bool upper)
      : client_(client), clock_(clock), gaps_(clock.Now()) {
    constexpr size_t kKeys = 64;
    constexpr uint16_t kMiddle = 8192;
    for (uint64_t i = 0; keys_.size() < kKeys; ++i) {
      std::string key = "probe/" + std::to_string(i);
      if ((HashSlot(key) >= kMiddle) == upper) keys_.push_back(std::move(key));
    }
  }

  void Put() {
    const std::string& key = keys_[sent_++ % keys_.size()];
    (void)client_.PutAsync(key, "small").then([this](const StatusOr<PutResult>& put) {
      if (!put.ok()) {
        failed_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      acknowledged_.fetch_add(1, std::memory_order_relaxed);
      gaps_.Acknowledged(clock_.Now());
    });
  }

  nlohmann::ordered_json Report() {
    const Duration longest = gaps_.TakeLongest(clock_.Now());
    return {{"longest_ms", std::chrono::duration<double, std::milli>(longest).count()},
            {"acknowledged", acknowledged_.load()},
            {"failed", failed_.load()}};
  }

 private:
  Client& client_;
  Clock& clock_;
  std::vector<std::string> keys_;
  uint64_t sent_ = 0;
  AckGaps gaps_;
  std::atomic<uint64_t> acknowledged_ = 0;
  std::atomic<uint64_t> failed_ = 0;
};

Status Probe(std::unique_ptr<Client> client, const Arguments& arguments) {
  PosixClock clock;
  Half lower(*client, clock, false);
  Half upper(*client, clock, true);
  std::atomic<bool> stopped = false;
  std::thread pace([&] {
    const auto step = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(1 / arguments.per_second));
    for (auto due = std::chrono::steady_clock::now(); !stopped; due += step) {
      std::this_thread::sleep_until(due);
      lower.Put();
      upper.Put();
    }
  });
  for (std::string line; std::getline(std::cin, line);) {
    const nlohmann::ordered_json report = {{"lower", lower.Report()}, {"upper", upper.Report()}};
    std::puts(report.dump().c_str());
    std::fflush(stdout);
  }
  stopped = true;
  pace.join();
  // Before what its answers go to.
  client.reset();
  return Status();
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Loads for measurements of splits and moves.");
  app.require_subcommand(1);
  CLI::App* fill = app.add_subcommand("fill", "so many bytes, as fast as possible");
  CLI::App* probe = app.add_subcommand("probe", "small puts, and how long they got no answer");
  for (CLI::App* command : {fill, probe}) {
    command->add_option("--endpoints", arguments.endpoints, "host:port,...")->required();
  }
  fill->add_option("--bytes", arguments.bytes, "of all values")->required();
  fill->add_option("--value-bytes", arguments.value_bytes)->check(CLI::PositiveNumber);
  fill->add_option("--in-flight", arguments.in_flight)->check(CLI::PositiveNumber);
  probe->add_option("--per-second", arguments.per_second, "to each half")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  auto client = Client::Connect(arguments.endpoints, PatientOptions());
  Status status = client.status();
  if (client.ok()) {
    status =
        fill->parsed() ? Fill(*std::move(client), arguments) : Probe(*std::move(client), arguments);
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "shard_load: %s\n", status.ToString().c_str());
  return 1;
}

}  // namespace

}  // namespace flotilla::bench

int main(int argc, char** argv) { return flotilla::bench::Main(argc, argv); }

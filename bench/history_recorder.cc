// history_recorder: writes without pause from many callers, through whatever happens, and records a
// history (bench/history_log.h). Every 100 ms it prints how many writes were acknowledged so far. A
// line on its standard input, as {"f":"kill","value":"node 2"}, becomes an event of the history;
// the end of its standard input ends the run.
//
//   history_recorder --endpoints 127.0.0.1:6170 --output history.jsonl

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "bench/history_log.h"
#include "bench/recorded_writer.h"
#include "flotilla/client.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace flotilla::bench {

namespace {

constexpr int kReportMilliseconds = 100;

// Records a fault for each complete line in `text`, and takes the line out.
void RecordFaults(std::string& text, HistoryLog& history) {
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    const auto fault = nlohmann::ordered_json::parse(text.substr(0, end), nullptr,
                                                     /*allow_exceptions=*/false);
    if (fault.is_object()) history.AddFault(fault);
    text.erase(0, end + 1);
  }
}

// Until the end of standard input.
void Watch(RecordedRun& run) {
  std::string text;
  while (true) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, kReportMilliseconds) > 0) {
      char buffer[4096];
      const ssize_t got = read(STDIN_FILENO, buffer, sizeof(buffer));
      if (got <= 0) return;
      text.append(buffer, static_cast<size_t>(got));
      RecordFaults(text, run.history);
    }
    std::printf("%lu\n", static_cast<unsigned long>(run.acknowledged.load()));
    std::fflush(stdout);
  }
}

int Main(int argc, char** argv) {
  std::string endpoints;
  std::string output;
  std::string prefix = "history/";
  uint64_t writers = 16;
  uint64_t timeout_seconds = 30;
  CLI::App app("Writes without pause and records what became of every write.");
  app.add_option("--endpoints", endpoints, "host:port,...")->required();
  app.add_option("--output", output, "the history")->required();
  app.add_option("--prefix", prefix, "of all keys");
  app.add_option("--writers", writers)->check(CLI::PositiveNumber);
  app.add_option("--timeout", timeout_seconds, "of a write, in seconds");
  CLI11_PARSE(app, argc, argv);

  auto client = Client::Connect(endpoints);
  if (!client.ok()) {
    std::fprintf(stderr, "history_recorder: %s\n", client.status().ToString().c_str());
    return 1;
  }
  HistoryLog history(output);
  RecordedRun run{**client, history, prefix, writers, {}};
  run.options.timeout = std::chrono::seconds(timeout_seconds);

  std::vector<std::thread> threads;
  for (uint64_t number = 0; number < writers; ++number) {
    threads.emplace_back([&run, number] { RecordedWriter(run, number).Run(); });
  }
  Watch(run);
  run.stopped = true;
  for (std::thread& thread : threads) thread.join();

  if (!history.Flush()) {
    std::fprintf(stderr, "history_recorder: %s could not be written\n", output.c_str());
    return 1;
  }
  return 0;
}

}  // namespace

}  // namespace flotilla::bench

int main(int argc, char** argv) { return flotilla::bench::Main(argc, argv); }

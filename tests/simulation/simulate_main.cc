// simulate --seeds=N [--first=S] [--jobs=J] [--world=cluster|raft]  sweeps; the last line is JSON
// simulate --seed=S [--trace] [--history=FILE] [--skip=1-3,7] [--world=...]  runs one seed, without
//                                                                  those of its faults
// simulate --seed=S --shrink [--world=...]                          finds the faults that it needs
//
// Exits with 0 when every seed passed, 1 when one failed or a situation that so many seeds must
// have seen never came up, 2 on bad usage.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/raft/raft_world.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/sweep.h"

namespace flotilla::simulation {
namespace {

struct World {
  RunSeed run;
  std::span<const std::string_view> required_marks;
};

uint64_t FreshSeed() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

int RunOne(const World& world, const RunRequest& request) {
  const RunResult result = world.run(request);
  std::printf(
      "seed %llu: %s\n%llu events, hash %016llx\n", static_cast<unsigned long long>(request.seed),
      result.failed() ? ("FAILED: " + result.failure).c_str() : "passed",
      static_cast<unsigned long long>(result.events), static_cast<unsigned long long>(result.hash));
  return result.failed() ? 1 : 0;
}

int ShrinkOne(const World& world, uint64_t seed, const std::string& replay_command) {
  const Shrunk shrunk = Shrink(world.run, seed, stderr);
  const auto number = static_cast<unsigned long long>(seed);
  if (shrunk.failure.empty()) {
    std::printf("seed %llu passes\n", number);
    return 0;
  }
  std::printf(
      "seed %llu: FAILED: %s\n%llu of %llu faults are needed\n  replay: %s SEED=%llu SKIP=%s\n",
      number, shrunk.failure.c_str(),
      static_cast<unsigned long long>(shrunk.faults - shrunk.skipped.size()),
      static_cast<unsigned long long>(shrunk.faults), replay_command.c_str(), number,
      EncodeNumbers(shrunk.skipped).c_str());
  return 1;
}

int RunMany(const World& world, const SweepOptions& options) {
  std::printf("%llu seeds from %llu\n", static_cast<unsigned long long>(options.seeds),
              static_cast<unsigned long long>(options.first));
  const SweepSummary summary = Sweep(world.run, options, stdout);
  std::printf("%s%s\n", summary.DescribeMarks(world.required_marks).c_str(),
              summary.ToJson(world.required_marks).c_str());
  const bool all_marks =
      options.seeds < kSeedsForAllMarks || summary.Missing(world.required_marks).empty();
  return summary.failures.empty() && (all_marks || options.until_failure) ? 0 : 1;
}

int Main(int argc, char** argv) {
  const std::map<std::string, World> worlds = {
      {"cluster", {RunClusterWorld, RequiredClusterMarks()}},
      {"raft", {RunRaftWorld, RequiredRaftMarks()}}};
  CLI::App app("Runs Flotilla in a simulated world, from a seed.");
  SweepOptions options{.first = FreshSeed(), .progress = stderr};
  RunRequest one_run;
  bool trace = false;
  bool shrink = false;
  std::string skip;
  std::string history;
  std::string world = "cluster";
  app.add_option("--seeds", options.seeds, "how many seeds to run");
  app.add_option("--first", options.first, "the first of them; fresh ones without it");
  app.add_option("--jobs", options.jobs, "processes at a time")->check(CLI::PositiveNumber);
  app.add_option("--twice-one-in", options.twice_one_in, "one seed in so many is run twice")
      ->check(CLI::PositiveNumber);
  app.add_flag("--until-failure", options.until_failure, "end with the first seed that fails");
  CLI::Option* one = app.add_option("--seed", one_run.seed, "run this one");
  app.add_flag("--trace", trace, "say what happens")->needs(one);
  app.add_option("--history", history, "write what clients did and saw to this file")->needs(one);
  app.add_option("--skip", skip, "numbers of faults that do not happen")->needs(one);
  app.add_flag("--shrink", shrink, "find the faults that its failure needs")->needs(one);
  app.add_option("--world", world, "what is simulated")->check(CLI::IsMember(worlds));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.replay_command = "make sim WORLD=" + world;
  if (one->count() == 0) return RunMany(worlds.at(world), options);
  if (shrink) return ShrinkOne(worlds.at(world), one_run.seed, options.replay_command);
  if (!DecodeNumbers(skip, one_run.skipped_faults)) {
    std::fprintf(stderr, "--skip takes numbers and ranges: 1-3,7\n");
    return 2;
  }
  if (trace) one_run.trace = stdout;
  if (!history.empty()) {
    one_run.history = std::fopen(history.c_str(), "w");
    if (one_run.history == nullptr) {
      std::fprintf(stderr, "cannot write %s\n", history.c_str());
      return 2;
    }
  }
  const int exit_code = RunOne(worlds.at(world), one_run);
  if (one_run.history != nullptr) std::fclose(one_run.history);
  return exit_code;
}

}  // namespace
}  // namespace flotilla::simulation

int main(int argc, char** argv) { return flotilla::simulation::Main(argc, argv); }

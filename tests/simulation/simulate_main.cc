// simulate --seeds=N [--first=S] [--jobs=J] [--world=cluster|raft]  sweeps; the last line is JSON
// simulate --seed=S [--trace] [--world=cluster|raft]                runs one seed and says how it
// went
//
// Exits with 0 when every seed passed, 1 when one failed, 2 on bad usage.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "tests/simulation/cluster/cluster_world.h"
#include "tests/simulation/raft/raft_world.h"
#include "tests/simulation/sweep.h"

namespace flotilla::simulation {
namespace {

int RunOne(const RunSeed& run, uint64_t seed, bool trace) {
  const RunResult result = run(seed, trace ? stdout : nullptr);
  std::printf("seed %llu: %s\n%llu events, hash %016llx\n", static_cast<unsigned long long>(seed),
              result.failed() ? ("FAILED: " + result.failure).c_str() : "passed",
              static_cast<unsigned long long>(result.events),
              static_cast<unsigned long long>(result.hash));
  return result.failed() ? 1 : 0;
}

int RunMany(const RunSeed& run, const SweepOptions& options) {
  const SweepSummary summary = Sweep(run, options, stdout);
  std::printf("%s\n", summary.ToJson().c_str());
  return summary.failures.empty() ? 0 : 1;
}

int Main(int argc, char** argv) {
  const std::map<std::string, RunSeed> worlds = {{"cluster", RunClusterWorld},
                                                 {"raft", RunRaftWorld}};
  CLI::App app("Runs Flotilla in a simulated world, from a seed.");
  SweepOptions options;
  uint64_t seed = 0;
  bool trace = false;
  std::string world = "cluster";
  app.add_option("--seeds", options.seeds, "how many seeds to run");
  app.add_option("--first", options.first, "the first of them");
  app.add_option("--jobs", options.jobs, "processes at a time")->check(CLI::PositiveNumber);
  app.add_option("--twice", options.twice, "per mille of the seeds that are run twice");
  CLI::Option* one = app.add_option("--seed", seed, "run this one");
  app.add_flag("--trace", trace, "say what happens")->needs(one);
  app.add_option("--world", world, "what is simulated")->check(CLI::IsMember(worlds));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.replay_command = "simulate --world=" + world;
  return one->count() > 0 ? RunOne(worlds.at(world), seed, trace)
                          : RunMany(worlds.at(world), options);
}

}  // namespace
}  // namespace flotilla::simulation

int main(int argc, char** argv) { return flotilla::simulation::Main(argc, argv); }

#include "tests/simulation/cluster/sim_client.h"

#include <algorithm>
#include <utility>

namespace flotilla::simulation {

SimClient::SimClient(const SimClientOptions& options, const Surroundings& surroundings,
                     NodeIndex self, std::function<void()> died)
    : options_(options),
      surroundings_(surroundings),
      died_(std::move(died)),
      machine_(surroundings.world, surroundings.network, self, options.machine) {}

SimClient::~SimClient() = default;

void SimClient::Start() {
  machine_.Start([this] { OnDeath(); });
  Random random = machine_.ProcessRandom();
  process_ = std::make_unique<Process>();
  process_->channel = std::make_unique<SimKvChannel>(surroundings_.network, machine_.node(),
                                                     machine_.clock(), machine_.executor(),
                                                     surroundings_.directory, surroundings_.record);
  client::CoreOptions core = options_.core;
  core.endpoints = surroundings_.endpoints;
  random.Shuffle(core.endpoints);
  process_->core = std::make_unique<client::ClientCore>(
      std::move(core), machine_.clock(), machine_.executor(), random.Split(), *process_->channel);
  for (uint32_t i = 0; i < options_.workers; ++i) {
    process_->workers.push_back(std::make_unique<SimClientWorker>(
        SimClientWorker::Surroundings{.options = options_.workload,
                                      .world = surroundings_.world,
                                      .record = surroundings_.record,
                                      .history = surroundings_.history,
                                      .next_process = surroundings_.next_process,
                                      .clock = machine_.clock(),
                                      .executor = machine_.executor(),
                                      .core = *process_->core},
        random.Split()));
    if (stopped_) process_->workers.back()->Stop();
    process_->workers.back()->Start();
  }
}

void SimClient::Leave() {
  if (!running()) return;
  for (const auto& worker : process_->workers) worker->Stop();
  machine_.executor().Post([this] {
    process_->core->Close();
    surroundings_.world.AtEndOfEvent([this, life = machine_.life()] {
      if (machine_.life() == life) machine_.Kill();
    });
  });
}

void SimClient::OnDeath() {
  Abandon();
  process_->channel->Silence();
  process_.reset();
  died_();
}

void SimClient::Stop() {
  stopped_ = true;
  if (!running()) return;
  for (const auto& worker : process_->workers) worker->Stop();
}

bool SimClient::resting() const {
  return running() && std::all_of(process_->workers.begin(), process_->workers.end(),
                                  [](const auto& worker) { return worker->resting(); });
}

void SimClient::DoAll(std::vector<SimClientWorker::Demand> demands) {
  process_->workers.front()->DoAll(std::move(demands));
}

void SimClient::Abandon() {
  if (process_ == nullptr) return;
  for (const auto& worker : process_->workers) worker->Abandon();
}

}  // namespace flotilla::simulation

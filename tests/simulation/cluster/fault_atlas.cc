#include "tests/simulation/cluster/fault_atlas.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "storage/log_format.h"

namespace flotilla::simulation {

namespace {

constexpr std::string_view kFolder = "/data";

std::string_view ToString(bool crash) { return crash ? ", which is off" : ""; }

}  // namespace

uint64_t VouchedBytes(std::string_view segment) {
  if (segment.size() < storage::kLogBlockBytes) return 0;
  const auto header = storage::DecodeSegmentHeader(segment.substr(0, storage::kLogBlockBytes));
  if (!header.ok()) return 0;
  std::map<Lsn, uint64_t> begins;
  Lsn durable;
  for (uint64_t at = storage::kLogBlockBytes; at < segment.size();) {
    const std::string_view rest = segment.substr(at);
    const auto bytes = storage::ClaimedBatchBytes(rest, header->salt);
    if (!bytes.has_value() || *bytes > rest.size()) break;
    const auto batch = storage::DecodeBatch(rest.substr(0, *bytes));
    if (!batch.ok()) break;
    begins.try_emplace(batch->header.lsn, at);
    durable = batch->header.durable_lsn;
    at += *bytes;
  }
  // The newest batch may be lost yet; the one it calls durable vouches for those before.
  const auto voucher = begins.find(durable);
  return voucher == begins.end() ? 0 : voucher->second;
}

std::vector<DamagePlace> DamagePlaces(const SimDisk& disk, const std::string& folder) {
  std::vector<DamagePlace> places;
  std::vector<DamagePlace> segments;
  for (const std::string& path : disk.FilesBelow(folder)) {
    const DamagePlace whole = {.path = path, .size = disk.Peek(path).size()};
    const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
    if (storage::ParseSegmentFileName(name).has_value()) {
      segments.push_back(whole);
    } else if (!storage::IsSpareFileName(name)) {
      places.push_back(whole);
    }
  }
  if (!segments.empty()) {
    segments.back().size = VouchedBytes(disk.Peek(segments.back().path));
    places.insert(places.end(), segments.begin(), segments.end());
  }
  std::erase_if(places, [](const DamagePlace& place) { return place.size == 0; });
  return places;
}

FaultAtlas::FaultAtlas(World world, const FaultAtlasOptions& options)
    : world_(std::move(world)),
      options_(options),
      victim_(static_cast<NodeIndex>(world_.world.Stream("victim").Below(world_.machines.size()))) {
  world_.faults.Add("damage", options.damage, [this](Random& random) { Damage(random); });
}

FaultAtlas::Kind FaultAtlas::DrawKind(Random& random) const {
  if (random.Chance(1, 8) && options_.wipes) return Kind::kWipe;
  return static_cast<Kind>(random.Below(static_cast<uint64_t>(Kind::kWipe)));
}

void FaultAtlas::Damage(Random& random) {
  constexpr std::string_view kNames[] = {"flip bits on ", "lose a sector of ",
                                         "misdirect a write on ", "wipe "};
  const auto any = static_cast<NodeIndex>(random.Below(world_.machines.size()));
  const NodeIndex node = options_.beyond ? any : victim_;
  const Kind kind = DrawKind(random);
  // A write goes astray only where somebody writes; what lies on the disk also goes bad at night.
  const bool crash = random.Chance(1, 2) && kind != Kind::kMisdirect;
  const std::string what = std::string(kNames[static_cast<size_t>(kind)]) + std::to_string(node);
  if (!world_.faults.Begin(what + std::string(ToString(crash)))) return;
  if (wiped_.contains(node)) return;
  if (!options_.beyond && !world_.can_spare(node)) return;
  if (crash) world_.nemesis.Crash(node, true);
  CarryOut(kind, node, random);
}

void FaultAtlas::CarryOut(Kind kind, NodeIndex node, Random& random) {
  SimMachine& machine = *world_.machines[node];
  if (kind == Kind::kWipe) {
    const auto left =
        static_cast<uint64_t>(options_.founders) -
        static_cast<uint64_t>(std::distance(wiped_.begin(), wiped_.lower_bound(options_.founders)));
    if (node < options_.founders && left <= 1) return;
    world_.nemesis.Crash(node, true);
    machine.disk().Wipe();
    world_.on_wipe(node);
    damaged_.insert(node);
    wiped_.insert(node);
    world_.record.Mark("atlas.wiped");
    return;
  }
  if (kind != Kind::kMisdirect) return Hit(kind, node, random);
  if (!machine.running()) return;
  damaged_.insert(node);
  const bool log = random.Chance(1, 2);
  machine.disk().MisdirectNextWrite(std::string(kFolder) + (log ? "/log/" : "/shards/"), log);
}

void FaultAtlas::Hit(Kind kind, NodeIndex node, Random& random) {
  SimDisk& disk = world_.machines[node]->disk();
  const std::vector<DamagePlace> places = DamagePlaces(disk, std::string(kFolder));
  if (places.empty()) return;
  damaged_.insert(node);
  // As often as not what was written last to the log, if to any: of what is older, the state mostly
  // has a copy.
  constexpr uint64_t kRecentBytes = 4 * storage::kLogBlockBytes;
  const bool recent = random.Chance(1, 2);
  const DamagePlace& place = recent ? places.back() : random.Pick(places);
  const uint64_t span = recent ? std::min(place.size, kRecentBytes) : place.size;
  const uint64_t offset = place.size - 1 - random.Below(span);
  // A node whose log cannot be read stays down, so that nothing more comes of that run's damage.
  if (recent && random.Chance(3, 4)) kind = Kind::kFlipBits;
  if (world_.record.tracing()) {
    world_.record.Trace("damage of " + std::to_string(node) + " at " + place.path + " + " +
                        std::to_string(offset));
  }
  if (kind == Kind::kLoseSector) {
    (void)disk.LoseSector(place.path, offset);
    return;
  }
  for (uint64_t left = random.Between(1, 3); left > 0; --left) {
    (void)disk.FlipBit(place.path, offset, static_cast<uint32_t>(random.Below(8)));
  }
}

}  // namespace flotilla::simulation

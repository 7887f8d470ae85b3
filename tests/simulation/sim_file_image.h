// The contents of one simulated file: what its readers see and what the device would still have
// after a power cut, compared sector by sector.
#ifndef FLOTILLA_TESTS_SIMULATION_SIM_FILE_IMAGE_H_
#define FLOTILLA_TESTS_SIMULATION_SIM_FILE_IMAGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace flotilla::simulation {

inline constexpr size_t kSectorBytes = 512;  // written whole or not at all

// What becomes of what was never synced. Weights, drawn for each sector by itself.
struct CrashModel {
  uint32_t keep_old = 1;
  uint32_t keep_new = 1;
  uint32_t zero = 0;
  uint32_t garbage = 0;
  // Chance per mille that a change of a folder (a name created, renamed, linked, removed) which no
  // SyncDir covered survives.
  uint32_t keep_name = 500;

  // Exactly what was synced is left.
  static CrashModel LoseAllUnsynced() { return {.keep_new = 0, .keep_name = 0}; }
};

// What a crash made of what was never synced.
struct CrashLoss {
  uint64_t sectors = 0;     // hold something else than what was written
  uint64_t torn_files = 0;  // hold one part of what was written and not another
  uint64_t names = 0;       // changes of folders

  CrashLoss& operator+=(const CrashLoss& other);
};

// What became of a sector behind the back of whoever wrote it. It ends when it is written again.
enum class Damage : uint8_t {
  kChanged,     // it reads, but not as what was written
  kUnreadable,  // a latent error: no read gets past it
};

class SimFileImage {
 public:
  const std::string& data() const { return data_; }
  std::string_view durable() const { return durable_; }

  void Write(uint64_t offset, std::string_view bytes);
  void Truncate(uint64_t size);
  // Everything becomes durable.
  void Sync();
  // What a failed fsync does: the pages count as clean, but never reached the device.
  void ForgetDirty() { dirty_.clear(); }
  // Both what is read and what is durable change: the device lied.
  void FlipBit(uint64_t offset, uint32_t bit);
  // The sector at `offset` cannot be read.
  void LoseSector(uint64_t offset);
  // A write meant for `offset` lands at `landing`, or where no file is: what was at the one stays,
  // what was at the other is lost.
  void WriteElsewhere(uint64_t offset, std::optional<uint64_t> landing, std::string_view bytes);
  // What should have been there all the time, durably.
  void Restore(uint64_t offset, std::string_view bytes);
  // The worst that a read of that range meets.
  std::optional<Damage> DamageIn(uint64_t offset, uint64_t size) const;

  CrashLoss Crash(const CrashModel& model, Random& random);

 private:
  void MarkDamaged(uint64_t offset, uint64_t size, Damage damage);
  void ForgetDamage(uint64_t offset, uint64_t size);
  void MarkDirty(uint64_t first_byte, uint64_t end_byte);
  bool IsDirty(uint64_t sector) const;
  uint64_t SizeAfterCrash(const CrashModel& model, Random& random) const;

  std::string data_;
  std::string durable_;
  // A bit for each sector that was written since the last sync.
  std::vector<uint64_t> dirty_;
  // By sector.
  std::map<uint64_t, Damage> damage_;
};

}  // namespace flotilla::simulation

#endif  // FLOTILLA_TESTS_SIMULATION_SIM_FILE_IMAGE_H_

// The files of an ordered-map engine: each flush writes the whole state to a new file, state-<n>,
// and removes the one before. Only the simulator uses it, but it makes real promises, so that a
// forgotten sync is found. Layout: docs/formats.md.
#ifndef FLOTILLA_STORAGE_MAP_STATE_STORE_H_
#define FLOTILLA_STORAGE_MAP_STATE_STORE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/disk.h"
#include "base/ids.h"

namespace flotilla::storage {

struct MapState {
  LogIndex applied;
  std::vector<std::pair<std::string, std::string>> rows;  // ascending
};
std::string EncodeMapState(const MapState& state);
absl::StatusOr<MapState> DecodeMapState(std::string_view bytes);

// Blocking; one thread.
class MapStateStore {
 public:
  // `on_fatal` hears of a failed sync; it outlives the store.
  MapStateStore(Disk& disk, std::string folder,
                const std::function<void(const absl::Status&)>& on_fatal)
      : disk_(disk), folder_(std::move(folder)), on_fatal_(on_fatal) {}

  // As EngineSource::Open. An invalid newest file is ignored unless `note` vouches for it: a crash
  // tore it.
  absl::StatusOr<MapState> Open(std::string_view note, bool create);
  // The same, changing nothing.
  absl::StatusOr<MapState> Read(std::string_view note);

  // Durable when it returns OK.
  absl::Status Save(const MapState& state);
  // Links the newest saved state into a new folder, durably.
  absl::Status CopyTo(const std::string& folder);

  // Names the newest saved state.
  std::string Note() const;

 private:
  std::string Path(uint64_t number) const;
  absl::StatusOr<std::vector<uint64_t>> ListNumbers();
  absl::StatusOr<MapState> Load(uint64_t number);
  absl::Status Create();
  // Makes sure that what was found lasts, and removes all other files.
  absl::Status Settle();
  absl::Status Synced(absl::Status result);

  Disk& disk_;
  const std::string folder_;
  const std::function<void(const absl::Status&)>& on_fatal_;
  uint64_t number_ = 0;  // of the newest valid file
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_MAP_STATE_STORE_H_

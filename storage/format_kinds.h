// The first byte of every durable format of the engines and snapshots (docs/formats.md).
#ifndef FLOTILLA_STORAGE_FORMAT_KINDS_H_
#define FLOTILLA_STORAGE_FORMAT_KINDS_H_

#include <cstdint>

namespace flotilla::storage {

inline constexpr uint8_t kManifestPositionKind = 0x60;  // the note of a LevelDB engine
inline constexpr uint8_t kAppliedRowKind = 0x61;        // a LevelDB engine's private row
inline constexpr uint8_t kMapStateKind = 0x62;          // a file of the ordered-map engine
inline constexpr uint8_t kMapNoteKind = 0x63;           // the note of the ordered-map engine
inline constexpr uint8_t kSnapshotManifestKind = 0x64;

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_FORMAT_KINDS_H_

// The items of a batch: one durable fact about one group each. docs/formats.md describes the bytes.
//
// A group's items are numbered without gaps, so that a reader who lost a batch knows which groups
// it held something of. Every entry carries a checksum of its own, because entries are also read
// back one by one.
#ifndef FLOTILLA_STORAGE_LOG_ITEMS_H_
#define FLOTILLA_STORAGE_LOG_ITEMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/coding.h"
#include "base/ids.h"
#include "raft/types.h"

namespace flotilla::storage {

enum class ItemKind : uint8_t {
  kAppend = 1,          // hard state, entries, or both; entries replace all from the first one on
  kCompact = 2,         // a new state; entries up to its snapshot are forgotten
  kSnapshot = 3,        // a new state of a living replica; all entries are forgotten
  kReplicaCreated = 4,  // as kSnapshot, of a replica that did not live here before
  kTombstone = 5,       // everything is forgotten but the lowest allowed replica id
  kRewrite = 6,         // a state and all entries: replaces everything earlier of the group
  kSuspect = 7,         // as kSnapshot; records before it were lost
};
std::string_view ItemKindName(ItemKind kind);

// Whether the item alone says all about the group, so that a loss before it does not matter.
bool ReplacesEverything(ItemKind kind);
// Whether the item counts in BatchHeader::lifecycle_items.
bool IsLifecycle(ItemKind kind);

// All that is known of a group but its entries.
struct GroupState {
  ReplicaId replica;         // none: no replica lives here
  ReplicaId lowest_allowed;  // no replica below it may live here again
  Generation generation;
  raft::HardState hard_state;
  raft::SnapshotMeta snapshot;  // the entries begin behind it
  std::string engine_note;

  friend bool operator==(const GroupState&, const GroupState&) = default;
};

struct ItemHeader {
  ItemKind kind = ItemKind::kAppend;
  ShardId group;
  uint64_t sequence = 0;  // of the group, from 1
  // Repeated in every item: a replica can be named suspect even when its state was lost.
  ReplicaId replica;
};

// Writers append to a batch. An item is
//   BeginItem, what its kind is made of (see DecodeItem), EndItem.
// Returns what EndItem needs.
size_t BeginItem(const ItemHeader& header, std::string& batch);
void EndItem(size_t began, std::string& batch);
void PutHardState(const std::optional<raft::HardState>& hard_state, std::string& batch);
void PutGroupState(const GroupState& state, std::string& batch);
// Returns the size of the frame; it begins at the old end of `batch`.
uint32_t PutEntryFrame(ShardId group, const raft::Entry& entry, std::string& batch);

// An entry as it lies in a batch.
struct EntryFrame {
  LogIndex index;
  Term term;
  raft::EntryKind kind = raft::EntryKind::kNoop;
  std::string_view payload;
  uint32_t offset = 0;  // of the frame, from the start of the batch
  uint32_t bytes = 0;   // of the frame
};

// Reads one frame from the front. kDataLoss when it is damaged or another group's.
absl::StatusOr<EntryFrame> DecodeEntryFrame(ShardId group, Decoder& in);
raft::Entry ToEntry(const EntryFrame& frame);

struct Item {
  ItemHeader header;
  std::optional<raft::HardState> hard_state;  // kAppend
  std::optional<GroupState> state;            // all but kAppend and kTombstone
  ReplicaId lowest_allowed;                   // kTombstone
  std::vector<EntryFrame> entries;            // kAppend, kRewrite
};

// Reads one item from the front of `in`, which is a part of `batch`; views point into it.
// kUnimplemented for an unknown kind or flags, kDataLoss for anything malformed.
absl::StatusOr<Item> DecodeItem(std::string_view batch, Decoder& in);

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_ITEMS_H_

#include "storage/log_dump.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/coding.h"
#include "base/status_macros.h"
#include "storage/log_format.h"
#include "storage/log_items.h"
#include "storage/log_segment_reader.h"

namespace flotilla::storage {

namespace {

// One line: a type and named values, in either format. All names are plain words and all strings
// are ours but error messages, which hold no quotes.
class Line {
 public:
  Line(DumpFormat format, int depth, std::string_view type) : json_(format == DumpFormat::kJson) {
    if (json_) {
      text_ = "{\"type\":\"" + std::string(type) + "\"";
    } else {
      text_ = std::string(static_cast<size_t>(2 * depth), ' ') + std::string(type);
    }
  }

  Line& Add(std::string_view name, uint64_t value) { return AddRaw(name, std::to_string(value)); }
  template <typename Tag>
  Line& Add(std::string_view name, StrongId<Tag> value) {
    return Add(name, value.value());
  }
  template <typename Tag>
  Line& Add(std::string_view name, StrongPosition<Tag> value) {
    return Add(name, value.value());
  }
  Line& Add(std::string_view name, std::string_view value) {
    return AddRaw(name, json_ ? '"' + std::string(value) + '"' : std::string(value));
  }

  std::string Finish() && { return std::move(text_) + (json_ ? "}" : ""); }

 private:
  Line& AddRaw(std::string_view name, std::string_view value) {
    text_ += json_ ? ",\"" : " ";
    text_ += name;
    text_ += json_ ? "\":" : "=";
    text_ += value;
    return *this;
  }

  const bool json_;
  std::string text_;
};

std::string Hex(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 0xf];
  return text;
}

std::string_view KindName(raft::EntryKind kind) {
  switch (kind) {
    case raft::EntryKind::kNoop:
      return "noop";
    case raft::EntryKind::kCommand:
      return "command";
    case raft::EntryKind::kConfiguration:
      return "configuration";
  }
  return "unknown";
}

void AddHardState(const raft::HardState& hard_state, Line& line) {
  line.Add("term", hard_state.term);
  line.Add("vote", hard_state.vote);
  line.Add("commit", hard_state.commit);
}

class LogDump {
 public:
  LogDump(DumpFormat format, absl::FunctionRef<void(std::string_view)> print)
      : format_(format), print_(print) {}

  absl::Status DumpSegment(Disk& disk, const std::string& folder, const std::string& name) {
    FLOTILLA_ASSIGN_OR_RETURN(SegmentReader reader,
                              SegmentReader::Open(disk, JoinPath(folder, name)));
    Line line(format_, 0, "segment");
    line.Add("file", name).Add("bytes", reader.file_bytes());
    if (reader.header().ok()) {
      const SegmentHeader& header = *reader.header();
      line.Add("number", header.number).Add("node", header.node);
      line.Add("incarnation", Hex(header.incarnation.value())).Add("salt", Hex(header.salt));
    }
    Print(std::move(line));
    if (!reader.header().ok()) {
      PrintDamage(0, kLogBlockBytes, StdView(reader.header().status().message()));
      return absl::OkStatus();
    }
    return DumpBatches(reader);
  }

 private:
  absl::Status DumpBatches(SegmentReader& reader) {
    uint64_t offset = kLogBlockBytes;
    while (true) {
      FLOTILLA_ASSIGN_OR_RETURN(const auto batch, reader.NextBatch(offset, Lsn(0)));
      if (!batch.has_value()) break;
      if (batch->offset > offset) PrintDamage(offset, batch->offset - offset, "no whole batch");
      DumpBatch(*batch);
      if (batch->view.header.kind == BatchKind::kFooter) return absl::OkStatus();
      offset = batch->End();
    }
    FLOTILLA_ASSIGN_OR_RETURN(const uint64_t torn, reader.TornBytesAt(offset));
    Line line(format_, 1, "end");
    Print(std::move(line.Add("offset", offset).Add("torn_bytes", torn)));
    return absl::OkStatus();
  }

  void DumpBatch(const FoundBatch& batch) {
    const BatchHeader& header = batch.view.header;
    Line line(format_, 1, header.kind == BatchKind::kFooter ? "footer" : "batch");
    line.Add("lsn", header.lsn).Add("offset", batch.offset).Add("items", header.item_count);
    line.Add("item_bytes", header.item_bytes).Add("durable_lsn", header.durable_lsn);
    line.Add("first_segment", header.first_segment).Add("lifecycle_items", header.lifecycle_items);
    line.Add("groups", header.groups);
    Print(std::move(line));
    Decoder in(batch.view.items);
    for (uint32_t i = 0; i < header.item_count; ++i) {
      const absl::StatusOr<Item> item = DecodeItem(batch.bytes, in);
      if (!item.ok()) return PrintDamage(batch.offset, 0, StdView(item.status().message()));
      DumpItem(*item);
    }
  }

  void DumpItem(const Item& item) {
    Line line(format_, 2, "item");
    line.Add("kind", ItemKindName(item.header.kind)).Add("group", item.header.group);
    line.Add("sequence", item.header.sequence).Add("replica", item.header.replica);
    if (item.hard_state.has_value()) AddHardState(*item.hard_state, line);
    if (item.header.kind == ItemKind::kTombstone) line.Add("lowest_allowed", item.lowest_allowed);
    if (item.state.has_value()) {
      const GroupState& state = *item.state;
      line.Add("lowest_allowed", state.lowest_allowed).Add("generation", state.generation);
      AddHardState(state.hard_state, line);
      line.Add("snapshot_index", state.snapshot.index).Add("snapshot_term", state.snapshot.term);
      line.Add("members", state.snapshot.configuration.AllMembers().size());
      line.Add("note_bytes", state.engine_note.size());
    }
    line.Add("entries", item.entries.size());
    Print(std::move(line));
    for (const EntryFrame& entry : item.entries) {
      Line entry_line(format_, 3, "entry");
      entry_line.Add("index", entry.index).Add("term", entry.term);
      entry_line.Add("kind", KindName(entry.kind)).Add("payload_bytes", entry.payload.size());
      Print(std::move(entry_line));
    }
  }

  void PrintDamage(uint64_t offset, uint64_t bytes, std::string_view reason) {
    Line line(format_, 1, "damage");
    Print(std::move(line.Add("offset", offset).Add("bytes", bytes).Add("reason", reason)));
  }

  void Print(Line&& line) { print_(std::move(line).Finish()); }

  const DumpFormat format_;
  absl::FunctionRef<void(std::string_view)> print_;
};

}  // namespace

absl::Status DumpLog(Disk& disk, const std::string& folder, DumpFormat format,
                     absl::FunctionRef<void(std::string_view line)> print) {
  FLOTILLA_ASSIGN_OR_RETURN(std::vector<std::string> names, disk.List(folder));
  std::erase_if(names, [](const auto& name) { return !ParseSegmentFileName(name).has_value(); });
  std::sort(names.begin(), names.end());
  LogDump dump(format, print);
  for (const std::string& name : names) {
    FLOTILLA_RETURN_IF_ERROR(dump.DumpSegment(disk, folder, name));
  }
  return absl::OkStatus();
}

}  // namespace flotilla::storage

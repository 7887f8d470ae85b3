"""What the write-ahead log makes of its files after a crash or with a bad sector."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="batch_checksum_not_checked",
        wrong="A batch is taken from the disk whatever its checksum says.",
        changes=(
            Change("storage/log_format.cc",
                   "  if (LoadFixed32(bytes.data() + kCrcOffset) != FrameCrc(bytes)) {\n"
                   "    return absl::DataLossError(\"batch is damaged\");\n  }\n",
                   ""),
        ),
        expected=("stopped itself", "does not start", "liveness", "CHECK failed")),
    Mutant(
        name="torn_tail_accepted",
        wrong="Neither batches nor entries are checked: a torn write counts as whole.",
        changes=(
            Change("storage/log_format.cc",
                   "  if (LoadFixed32(bytes.data() + kCrcOffset) != FrameCrc(bytes)) {\n"
                   "    return absl::DataLossError(\"batch is damaged\");\n  }\n",
                   ""),
            Change("storage/log_items.cc",
                   "  if (ExtendCrc32c(FrameSeed(group), covered.substr(0, covered_bytes)) "
                   "!= crc) {\n    return absl::DataLossError(\"entry is damaged\");\n  }\n",
                   "  if (crc == FrameSeed(group)) return absl::DataLossError(\"entry\");\n"),
        ),
        expected=("log matching", "stopped itself", "liveness", "CHECK failed")),
    Mutant(
        name="damage_truncated_as_a_tail",
        wrong="What cannot be read ends the log, also where more was acknowledged behind it.",
        changes=(
            Change("storage/log_recovery.cc",
                   "    if (is_last && expected_ > evidence.durable_lsn) {",
                   "    if (is_last) {"),
        ),
        expected=("persistence", "leader completeness")),
    Mutant(
        name="loss_not_noticed",
        wrong="Records that are missing in the middle of the log make no replica suspect.",
        changes=(
            Change("storage/log_recovery.cc",
                   "  if (next > expected_) replay_.NoteLoss(next.prev());\n",
                   "  (void)next;\n"),
            Change("storage/log_replay.cc",
                   "  if (!may_begin && header.sequence != group.log.sequence() + 1) "
                   "group.gap = true;\n",
                   "  (void)may_begin;\n"),
        ),
        expected=("persistence", "leader completeness", "CHECK failed")),
    Mutant(
        name="suspect_replica_runs",
        wrong="A replica that lacks acknowledged records takes part as if nothing had happened.",
        changes=(
            Change("node/replica_start.cc",
                   "  if (group.suspect) {\n",
                   "  if (group.suspect && group.entries.size() > 1'000'000) {\n"),
        ),
        expected=("persistence", "leader completeness", "votes twice in term")),
    Mutant(
        name="hard_state_older_than_entries",
        wrong="At a restart a vote that was written together with entries is forgotten.",
        changes=(
            Change("storage/log_replay.cc",
                   "if (item.hard_state.has_value()) log.SetHardState(*item.hard_state);",
                   "if (item.hard_state.has_value() && item.entries.empty()) "
                   "log.SetHardState(*item.hard_state);"),
        ),
        expected=("CHECK failed", "persistence", "votes twice in term")),
    Mutant(
        name="overwritten_entries_come_back",
        wrong="At a restart entries that were overwritten are back behind the new ones.",
        changes=(
            Change("storage/log_replay.cc",
                   "  while (!group.entries.empty() && group.entries.back().index >= first) "
                   "group.entries.pop_back();\n",
                   "  std::vector<raft::Entry> behind;\n"
                   "  while (!group.entries.empty() && group.entries.back().index >= first) {\n"
                   "    if (group.entries.back().index > item.entries.back().index) {\n"
                   "      behind.insert(behind.begin(), group.entries.back());\n"
                   "    }\n"
                   "    group.entries.pop_back();\n"
                   "  }\n"),
            Change("storage/log_replay.cc",
                   "    group.entries.push_back(RecoveredEntry(frame));\n  }\n}\n",
                   "    group.entries.push_back(RecoveredEntry(frame));\n  }\n"
                   "  group.entries.insert(group.entries.end(), behind.begin(), behind.end());\n"
                   "}\n"),
        ),
        expected=("CHECK failed", "persistence")),
    Mutant(
        name="needed_segment_recycled",
        wrong="A segment is written over as soon as the next one is begun.",
        changes=(
            Change("storage/log_segment_map.cc",
                   "  return needed == segments_.end() ? newest().number : needed->number;",
                   "  return needed == segments_.end() || lsn.is_none() ? newest().number\n"
                   "                                                    : newest().number;"),
        ),
        expected=("stopped itself", "persistence", "CHECK failed")),
]

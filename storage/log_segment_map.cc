#include "storage/log_segment_map.h"

#include <algorithm>

#include "base/check.h"

namespace flotilla::storage {

void SegmentMap::AddSegment(SegmentNumber number, uint64_t file_bytes, Lsn first_lsn) {
  if (!empty()) FLOTILLA_CHECK_GT(number, newest().number);
  Segment segment;
  segment.number = number;
  segment.file_bytes = file_bytes;
  segment.first_lsn = first_lsn;
  segments_.push_back(std::move(segment));
  bytes_ += file_bytes;
}

void SegmentMap::AddBatch(Lsn lsn, uint64_t offset) {
  Segment& segment = segments_.back();
  FLOTILLA_CHECK_GE(lsn, segment.NextLsn());
  FLOTILLA_CHECK_LE(offset / kLogBlockBytes, UINT32_MAX);
  segment.batch_blocks.resize(lsn - segment.first_lsn, 0);
  segment.batch_blocks.push_back(static_cast<uint32_t>(offset / kLogBlockBytes));
}

void SegmentMap::PopOldest() {
  bytes_ -= segments_.front().file_bytes;
  segments_.pop_front();
}

std::optional<SegmentMap::Place> SegmentMap::Find(Lsn lsn) const {
  // The last segment that begins at or before `lsn`. An empty segment begins where the next one
  // does, so of equals the last one counts.
  auto after = std::upper_bound(segments_.begin(), segments_.end(), lsn,
                                [](Lsn l, const Segment& s) { return l < s.first_lsn; });
  if (after == segments_.begin()) return std::nullopt;
  const Segment& segment = *--after;
  if (lsn >= segment.NextLsn()) return std::nullopt;
  const uint32_t block = segment.batch_blocks[lsn - segment.first_lsn];
  if (block == 0) return std::nullopt;
  return Place{.segment = segment.number, .offset = block * kLogBlockBytes};
}

SegmentNumber SegmentMap::FirstNeeded(Lsn lsn) const {
  const auto needed = std::find_if(segments_.begin(), segments_.end(),
                                   [lsn](const Segment& s) { return s.NextLsn() > lsn; });
  return needed == segments_.end() ? newest().number : needed->number;
}

Segment& SegmentMap::Get(SegmentNumber number) {
  auto found = std::lower_bound(segments_.begin(), segments_.end(), number,
                                [](const Segment& s, SegmentNumber n) { return s.number < n; });
  FLOTILLA_CHECK(found != segments_.end() && found->number == number);
  return *found;
}

}  // namespace flotilla::storage

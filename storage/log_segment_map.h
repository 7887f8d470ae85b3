// Which segments there are, oldest first, and where each batch lies in them. Fed in LSN order.
// Four bytes of memory for every batch.
#ifndef FLOTILLA_STORAGE_LOG_SEGMENT_MAP_H_
#define FLOTILLA_STORAGE_LOG_SEGMENT_MAP_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/disk.h"
#include "base/ids.h"
#include "storage/log_format.h"

namespace flotilla::storage {

struct Segment {
  SegmentNumber number;
  uint64_t file_bytes = 0;
  Lsn first_lsn;                       // of the first batch that it holds or would hold
  std::vector<uint32_t> batch_blocks;  // of first_lsn, first_lsn + 1, ...; 0 where it was lost
  // Reads that go on; the file stays until they are done.
  int readers = 0;
  // For reading; opened by the first read, used on the read sequence only.
  std::shared_ptr<File> read_file;

  // The LSN that a batch added now would have.
  Lsn NextLsn() const { return first_lsn + batch_blocks.size(); }
};

class SegmentMap {
 public:
  // Precondition: newer than all others.
  void AddSegment(SegmentNumber number, uint64_t file_bytes, Lsn first_lsn);
  // Notes a batch of the newest segment. LSNs that are skipped count as lost.
  void AddBatch(Lsn lsn, uint64_t offset);
  // The oldest segment leaves the map. Precondition: not empty.
  void PopOldest();

  struct Place {
    SegmentNumber segment;
    uint64_t offset = 0;
  };
  // nullopt for a batch that was lost or never was.
  std::optional<Place> Find(Lsn lsn) const;
  // The oldest segment that holds `lsn` or something newer; the newest one if none does.
  // Precondition: not empty.
  SegmentNumber FirstNeeded(Lsn lsn) const;
  // Precondition: it is in the map.
  Segment& Get(SegmentNumber number);

  bool empty() const { return segments_.empty(); }
  size_t size() const { return segments_.size(); }
  const Segment& oldest() const { return segments_.front(); }
  const Segment& newest() const { return segments_.back(); }
  const std::deque<Segment>& segments() const { return segments_; }
  uint64_t bytes() const { return bytes_; }

 private:
  // Invariant: numbers and first LSNs do not decrease. Numbers may have gaps where a file was lost.
  std::deque<Segment> segments_;
  uint64_t bytes_ = 0;
};

}  // namespace flotilla::storage

#endif  // FLOTILLA_STORAGE_LOG_SEGMENT_MAP_H_

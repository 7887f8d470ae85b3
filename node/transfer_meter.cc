#include "node/transfer_meter.h"

#include <algorithm>

namespace flotilla::node {

bool TransferMeter::Note(const LearnerProgress& progress, MonoTime now) {
  LearnerProgress next = progress;
  const bool sends = next.bytes_total > 0;
  if (sends) {
    // A receiver that was restarted begins again, and so does the rate.
    const bool again = !origin_.has_value() || next.bytes_total != last_.bytes_total ||
                       next.bytes_done < last_.bytes_done;
    if (again) origin_ = Origin{.bytes = next.bytes_done, .at = now};
  } else {
    // Between two snapshots nobody says how large they are; behind the last one all has arrived.
    next.bytes_total = last_.bytes_total;
    next.bytes_done = last_.bytes_total;
  }
  const bool moved = next.bytes_done != last_.bytes_done || !sends;
  last_ = next;
  if (moved) last_at_ = now;
  const bool further = next.bytes_done > most_bytes_ ||
                       (!sends && next.entries_behind < fewest_entries_.value_or(UINT64_MAX));
  most_bytes_ = std::max(most_bytes_, next.bytes_done);
  if (!sends) {
    fewest_entries_ = std::min(next.entries_behind, fewest_entries_.value_or(UINT64_MAX));
  }
  return further;
}

TransferMeter::Reading TransferMeter::Read() const {
  Reading reading{.bytes_done = last_.bytes_done,
                  .bytes_total = last_.bytes_total,
                  .entries_behind = last_.entries_behind,
                  .left = std::nullopt};
  if (!origin_.has_value() || last_.bytes_done <= origin_->bytes) return reading;
  const double seconds = std::chrono::duration<double>(last_at_ - origin_->at).count();
  const double rate = static_cast<double>(last_.bytes_done - origin_->bytes) / seconds;
  const double left = static_cast<double>(last_.bytes_total - last_.bytes_done) / rate;
  reading.left = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(left));
  return reading;
}

}  // namespace flotilla::node

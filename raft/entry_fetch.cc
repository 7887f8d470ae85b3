#include "raft/entry_fetch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"

namespace flotilla::raft {

void EntryFetch::Begin(const FetchRequest& request) {
  FLOTILLA_CHECK(!under_way());
  FLOTILLA_CHECK_LE(request.first, request.last);
  request_ = request;
}

bool EntryFetch::Complete(std::vector<Entry> entries, const RaftLog& log) {
  FLOTILLA_CHECK(under_way());
  const FetchRequest request = *std::exchange(request_, std::nullopt);
  const bool starts_right = !entries.empty() && entries.front().index == request.first;
  if (!starts_right || !log.Contains({entries.back().index, entries.back().term})) {
    gone_first_ = request.first;
    gone_last_ = request.last;
    return false;
  }
  gone_first_ = gone_last_ = LogIndex(0);
  fetched_ = std::move(entries);
  return true;
}

bool EntryFetch::IsGone(LogIndex index) const {
  return gone_first_ <= index && index <= gone_last_;
}

std::vector<Entry> EntryFetch::Slice(LogIndex first, size_t max_bytes) const {
  if (fetched_.empty() || first < fetched_.front().index || first > fetched_.back().index) {
    return {};
  }
  std::vector<Entry> entries;
  size_t bytes = 0;
  for (size_t i = first - fetched_.front().index; i < fetched_.size(); ++i) {
    bytes += fetched_[i].ByteSize();
    if (!entries.empty() && bytes > max_bytes) break;
    entries.push_back(fetched_[i]);
  }
  return entries;
}

}  // namespace flotilla::raft

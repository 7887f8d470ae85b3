#include "raft/configuration_history.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace flotilla::raft {

ConfigurationHistory::ConfigurationHistory(Record oldest) { records_.push_back(std::move(oldest)); }

const ConfigurationHistory::Record& ConfigurationHistory::At(LogIndex index) const {
  const auto after =
      std::upper_bound(records_.begin(), records_.end(), index,
                       [](LogIndex at, const Record& record) { return at < record.index; });
  FLOTILLA_CHECK(after != records_.begin());
  return *std::prev(after);
}

const Configuration& ConfigurationHistory::Settled(LogIndex commit) const {
  const bool active_is_settled = active_index() <= commit || records_.size() == 1;
  return active_is_settled ? active() : std::prev(records_.end(), 2)->configuration;
}

void ConfigurationHistory::Append(LogIndex index, Configuration configuration) {
  FLOTILLA_CHECK_GT(index, active_index());
  records_.push_back({index, std::move(configuration)});
}

void ConfigurationHistory::TruncateFrom(LogIndex index) {
  FLOTILLA_CHECK_LT(records_.front().index, index);
  while (records_.back().index >= index) records_.pop_back();
}

void ConfigurationHistory::CompactTo(LogIndex index) {
  const auto in_force = std::find_if(records_.rbegin(), records_.rend(),
                                     [index](const Record& r) { return r.index <= index; });
  if (in_force == records_.rend()) return;
  records_.erase(records_.begin(), std::prev(in_force.base()));
}

void ConfigurationHistory::Reset(Record only) {
  records_.clear();
  records_.push_back(std::move(only));
}

}  // namespace flotilla::raft

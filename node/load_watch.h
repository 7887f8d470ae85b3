// How much load each shard has, by what their leaders report: what the directory's leader smooths,
// because one window tells little, and forgets when it leads no more.
//
// Two averages, for two uses. A split is there for good and wanted soon, so it goes by a mean over
// one span, half a minute. A hand-over can be undone, and must not be: what swings within minutes
// is to look even, so that goes by an average that takes ten spans to follow.
#ifndef FLOTILLA_NODE_LOAD_WATCH_H_
#define FLOTILLA_NODE_LOAD_WATCH_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "node/directory_messages.h"
#include "sharding/cluster_view.h"

namespace flotilla::node {

class LoadWatch {
 public:
  explicit LoadWatch(Duration span) : span_(span) {}

  // At every look: what all shards say now. A window that was seen already counts no more.
  void Note(const std::map<ShardId, ShardReport>& shards, MonoTime now);
  void Forget() { shards_.clear(); }

  // Requests per second. nullopt until the shard, with the arc that it has now, was measured for
  // most of the last span.
  std::optional<uint64_t> Recent(ShardId shard) const;
  // Of these, those that are for one slot each; none that was not sampled.
  uint64_t Divisible(ShardId shard) const;
  // At which slots, in a unit of its own. Ascending.
  std::vector<sharding::SlotSample> Samples(ShardId shard) const;
  // The slow average. nullopt until it is one over several spans, or while Recent is.
  std::optional<uint64_t> Steady(ShardId shard) const;

 private:
  struct Reading {
    MonoTime at;
    uint64_t per_second = 0;
    LoadSample sample;
  };
  struct Measured {
    uint64_t shard_version = 0;
    Term term;
    uint64_t window = 0;         // the last one that was counted, of this term's leader
    std::deque<Reading> recent;  // not older than a span
    double steady = 0;
    Duration measured_for{0};
  };

  void Note(const ShardReport& shard, Measured& measured, MonoTime now) const;
  const Measured* Find(ShardId shard) const;

  const Duration span_;
  std::map<ShardId, Measured> shards_;
};

}  // namespace flotilla::node

#endif  // FLOTILLA_NODE_LOAD_WATCH_H_

// How a replica keeps its log short: what the engine has proven durable, the log may forget.
#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "node/replica.h"
#include "node/replica_alive.h"

namespace flotilla::node {

void Replica::OnDurable(storage::DurablePoint point) {
  if (failure_.has_value() || installing_ || point.index < durable_.index) return;
  durable_ = std::move(point);
  MaybeCompact();
  const bool waited_for =
      applied_.StandsAtSplit() || preparing_split_.has_value() || child_.AwaitsFlush().has_value();
  if (waited_for) Touch();
}

void Replica::MaybeFlush() {
  // One at a time: what is being flushed counts as flushed.
  const LogIndex flushed = std::max(durable_.index, flush_requested_at_);
  const bool much = bytes_since_flush_ >= context_.options.flush_log_bytes;
  const bool many = applied_.index >= flushed + context_.options.flush_log_entries;
  const bool busy = flush_requested_at_ > durable_.index;
  if (busy || !(much || many)) return;
  RequestFlush();
}

void Replica::RequestFlush() {
  bytes_since_flush_ = 0;
  flush_requested_at_ = applied_.index;
  flush_requested_time_ = Now();
  applier_.Flush(Alive([this](const absl::Status& error) {
    if (!absl::IsResourceExhausted(error) && !installing_) {
      Fail(Annotate(error, "cannot flush"));
      return;
    }
    // The next entries will ask again.
    context_.env.logger.Warning(
        "flush_failed", {{"shard", shard_}, {"error", std::string(StdView(error.message()))}});
    flush_requested_at_ = durable_.index;
  }));
}

// An engine whose flush has failed says so only when it is asked: so again now and then.
bool Replica::EnsureFlushed(LogIndex upto) {
  constexpr Duration kAskAgain = std::chrono::seconds(1);
  if (durable_.index >= upto) return true;
  if (installing_) return false;  // the engine is being replaced
  if (flush_requested_at_ < upto || Now() >= flush_requested_time_ + kAskAgain) RequestFlush();
  return false;
}

void Replica::MaybeCompact() {
  LogIndex upto = std::min(durable_.index, core_.CompactionHint());
  if (const auto kept = sender_.OldestIndex(); kept.has_value()) upto = std::min(upto, *kept);
  if (upto >= compacted_ + context_.options.compact_log_entries) Compact(upto);
}

void Replica::Compact(LogIndex upto) {
  upto = std::min(upto, core_.applied());
  if (compacting_ || install_.has_value() || upto <= compacted_) return;
  compacting_ = true;
  storage::CompactRecord record{.meta = core_.MetaAt(upto), .engine_note = durable_.note};
  context_.log.Append(shard_, std::move(record), Alive([this, upto] {
                        compacting_ = false;
                        // A snapshot may have gone further meanwhile.
                        if (installing_ || upto <= compacted_) return;
                        compacted_ = upto;
                        core_.Compacted(upto);
                        Touch();
                      }));
}

// A node has many replicas, of which few are written to at a time: what the others keep for speed
// would add up to gigabytes.
void Replica::MaybeRest() {
  // Flushes of many, which a load has left at the same moment, go one after the other.
  constexpr Duration kBetweenFlushes = std::chrono::milliseconds(200);
  if (rests_ || applying_ || install_.has_value() || !applier_.has_state()) return;
  if (Now() < apply_started_ + context_.options.rest_after) return;
  if (bytes_since_flush_ >= context_.options.rest_flush_bytes) {
    if (flush_requested_at_ > durable_.index || Now() < context_.next_rest_flush) return;
    context_.next_rest_flush = Now() + kBetweenFlushes;
    RequestFlush();
  }
  core_.ForgetApplied();
  rests_ = true;
}

void Replica::ShrinkLog() {
  if (failure_.has_value() || install_.has_value() || !applier_.has_state()) return;
  const bool behind = durable_.index < applied_.index;
  // Also when one is under way: an engine whose flush has failed says so only when it is asked.
  if (behind) RequestFlush();
  // Whatever a peer or a snapshot still needs; and although the engine is behind, which under load
  // it always is.
  if (compacted_ < durable_.index) {
    Compact(durable_.index);
  } else if (!behind) {
    context_.log.Rewrite(shard_, [] {});
  }
}

}  // namespace flotilla::node

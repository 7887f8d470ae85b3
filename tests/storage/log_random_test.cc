// Random work on the log beside a plain model, with power cuts, kills and orderly stops in between,
// on a disk that tears, reorders, zeroes and garbles what was not synced. One seed, one run.
#include <algorithm>
#include <map>
#include <string>

#include "tests/storage/log_model.h"
#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

constexpr uint64_t kGroups = 4;

class RandomLogWork {
 public:
  explicit RandomLogWork(uint64_t seed)
      : random_(seed), rig_(seed, Options(random_)), where_("seed " + std::to_string(seed)) {
    if (random_.Chance(2, 3)) {
      rig_.SetDelays({.work_delay_mean = std::chrono::microseconds(random_.Below(200)),
                      .done_delay_mean = std::chrono::microseconds(random_.Below(200))});
    }
  }

  void Run() {
    for (int life = 0; life < 6; ++life) {
      ASSERT_NO_FATAL_FAILURE(Reopen());
      const uint64_t steps = random_.Between(1, 60);
      for (uint64_t i = 0; i < steps && rig_.fatal().empty(); ++i) Step();
      Stop();
    }
    ASSERT_NO_FATAL_FAILURE(Reopen());
  }

  uint64_t rewrites() const { return rewrites_; }
  uint64_t reads() const { return reads_; }

 private:
  static LogOptions Options(Random& random) {
    LogOptions options = SmallLog();
    options.segment_bytes = random.Between(3, 20) * 4096;
    options.budget_bytes = random.Between(1, 8) * options.segment_bytes;
    options.max_batch_bytes = random.Between(200, 20'000);
    if (random.Chance(1, 2)) options.round_spacing = std::chrono::microseconds(300);
    return options;
  }

  void Reopen() {
    const absl::Status opened = rig_.Open();
    ASSERT_TRUE(opened.ok()) << where_ << ": " << opened;
    const auto prefix = history_.FindPrefix(rig_.recovery());
    ASSERT_TRUE(prefix.has_value()) << where_ << ": recovered\n"
                                    << Describe(rig_.recovery()) << "expected at least\n"
                                    << history_.After(history_.size()).Describe();
    history_.CutTo(*prefix);
    model_ = history_.After(*prefix);
    for (const auto& [id, group] : model_.groups()) {
      if (group.entries.empty()) continue;
      const auto entries =
          rig_.log().LoadEntries(id, group.entries.front().index, group.last_index());
      ASSERT_TRUE(entries.ok()) << where_ << ": " << entries.status();
      ASSERT_EQ(*entries, group.entries) << where_;
    }
  }

  void Step() {
    const ShardId id(random_.Between(1, kGroups));
    const auto found = model_.groups().find(id);
    const bool alive = found != model_.groups().end() && !found->second.replica.is_none();
    switch (random_.Below(12)) {
      case 0:
        return Give(id, NewReplica(id));
      case 1:
        return random_.Chance(1, 4) ? Give(id, Bury(id)) : Advance();
      case 2:
        return RewriteOldest();
      case 3:
        return Read(id);
      case 4:
      case 5:
        return Advance();
      default:
        break;
    }
    if (!alive) return Give(id, NewReplica(id));
    const ModelGroup& group = found->second;
    if (random_.Chance(1, 4)) return CompactSome(id, group);
    if (random_.Chance(1, 6)) return Give(id, InstallSnapshot(group));
    Give(id, AppendSome(group));
  }

  void Give(ShardId id, const LogRecord& record) {
    const auto* append = std::get_if<AppendRecord>(&record);
    const size_t number = history_.Add(id, record, append == nullptr || append->must_sync);
    model_.Apply(id, record);
    rig_.log().Append(id, record, [this, number] { history_.Acknowledge(number); });
    if (random_.Chance(1, 2)) rig_.Submit();
  }

  void Advance() {
    rig_.Submit();
    rig_.RunFor(std::chrono::microseconds(random_.Below(400)));
    if (random_.Chance(1, 10)) rig_.RunFor(std::chrono::milliseconds(15));
  }

  ModelGroup Find(ShardId id) {
    const auto found = model_.groups().find(id);
    return found == model_.groups().end() ? ModelGroup() : found->second;
  }

  LogRecord NewReplica(ShardId id) {
    const ModelGroup group = Find(id);
    const uint64_t next = std::max(group.replica, group.lowest_allowed).value() + 1;
    return Create(next, random_.Below(50), 1);
  }

  LogRecord Bury(ShardId id) {
    return TombstoneRecord{ReplicaId(Find(id).replica.value() + random_.Below(3))};
  }

  LogRecord InstallSnapshot(const ModelGroup& group) {
    return Create(group.replica.value(), group.last_index().value() + random_.Below(20),
                  group.generation.value() + 1);
  }

  LogRecord AppendSome(const ModelGroup& group) {
    if (random_.Chance(1, 5)) return CommitOnly(term_, group.last_index().value());
    // Sometimes over the end of the log, as a new leader's entries are.
    uint64_t first = group.last_index().value() + 1;
    if (!group.entries.empty() && random_.Chance(1, 6)) {
      ++term_;
      first -= random_.Below(group.entries.size()) + 1;
    }
    AppendRecord record =
        Append(first, first + random_.Below(4), term_, random_.Chance(1, 20) ? 30'000 : 40);
    if (random_.Chance(1, 3)) record.hard_state = raft::HardState{.term = Term(term_)};
    return record;
  }

  void CompactSome(ShardId id, const ModelGroup& group) {
    const uint64_t index = group.snapshot.index.value() + random_.Below(group.entries.size() + 1);
    Give(id, Compact(index, 1, "note " + std::to_string(index)));
  }

  void RewriteOldest() {
    for (const ShardId id : rig_.log().GroupsPinningOldest()) {
      rig_.log().Rewrite(id, [this] { ++rewrites_; });
    }
    rig_.Submit();
  }

  // What is read is what was written, whatever goes on meanwhile.
  void Read(ShardId id) {
    const ModelGroup group = Find(id);
    if (group.entries.empty()) return;
    const uint64_t first =
        group.entries.front().index.value() + random_.Below(group.entries.size());
    rig_.log().ReadEntries(id, LogIndex(first), group.last_index(), random_.Below(2000),
                           [this, group, first](absl::StatusOr<std::vector<raft::Entry>> entries) {
                             if (absl::IsNotFound(entries.status())) return;
                             ASSERT_TRUE(entries.ok()) << where_ << ": " << entries.status();
                             ASSERT_FALSE(entries->empty());
                             ASSERT_EQ(entries->front(),
                                       group.entries[first - group.entries.front().index.value()]);
                             ++reads_;
                           });
  }

  void Stop() {
    switch (random_.Below(4)) {
      case 0:
        return rig_.Kill();
      case 1:
        return rig_.Close();
      default:
        return rig_.PowerCut({.keep_old = 1,
                              .keep_new = static_cast<uint32_t>(random_.Below(3)),
                              .zero = static_cast<uint32_t>(random_.Below(2)),
                              .garbage = static_cast<uint32_t>(random_.Below(2))});
    }
  }

  Random random_;
  LogRig rig_;
  const std::string where_;
  RecordHistory history_;
  LogModel model_;
  uint64_t term_ = 1;
  uint64_t rewrites_ = 0;
  uint64_t reads_ = 0;
};

TEST(LogRandom, AnyWorkAndAnyCrashLeaveAPrefixWithEverythingAcknowledged) {
  uint64_t rewrites = 0;
  uint64_t reads = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    RandomLogWork work(seed);
    work.Run();
    if (::testing::Test::HasFatalFailure()) return;
    rewrites += work.rewrites();
    reads += work.reads();
  }
  EXPECT_GT(rewrites, 100u);
  EXPECT_GT(reads, 100u);
}

}  // namespace
}  // namespace flotilla::storage

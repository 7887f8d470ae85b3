// Power cuts at every disk call of a workload that rotates, recycles, rewrites, compacts, installs
// snapshots and buries replicas, and at every call of the recovery after it. Whatever the cut
// leaves, the log opens without help and holds a prefix of what it was given, with everything in it
// that was acknowledged.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/storage/log_model.h"
#include "tests/storage/log_rig.h"
#include <gtest/gtest.h>

namespace flotilla::storage {
namespace {

using simulation::CrashModel;

// The models of what a power cut leaves, from the merciful to the malicious.
std::vector<CrashModel> CrashModels() {
  return {CrashModel::LoseAllUnsynced(),
          {.keep_old = 1, .keep_new = 3},
          {.keep_old = 0, .keep_new = 1, .keep_name = 1000},
          {.keep_old = 1, .keep_new = 1, .zero = 1, .garbage = 1}};
}

class LogWorkload {
 public:
  explicit LogWorkload(LogRig& rig) : rig_(rig) {}

  void Give(ShardId group, const LogRecord& record) {
    if (!rig_.fatal().empty()) return;
    const auto* append = std::get_if<AppendRecord>(&record);
    const size_t number = history_.Add(group, record, append == nullptr || append->must_sync);
    rig_.log().Append(group, record, [this, number] { history_.Acknowledge(number); });
  }

  void Finish() {
    if (!rig_.fatal().empty()) return;
    rig_.log().Submit();
    rig_.Settle();
  }

  void Rewrite(ShardId group) {
    if (!rig_.fatal().empty()) return;
    rig_.log().Rewrite(group, [] {});
  }

  void Run() {
    Give(kGroup, Create());
    Give(kOther, Create(2));
    Finish();
    for (uint64_t i = 1; i <= 5; ++i) {
      Give(kGroup, Append(i, i, 1, 500));
      Give(kOther, Append(2 * i - 1, 2 * i));
      Finish();
    }
    Give(kGroup, Compact(4));
    Give(kGroup, CommitOnly(1, 5));
    Rewrite(kOther);
    Give(kOther, Append(9, 9, 3));
    Finish();
    Give(kOther, Create(2, 30, 2));
    Give(ShardId(9), TombstoneRecord{ReplicaId(4)});
    Finish();
    Rewrite(ShardId(9));
    Give(kOther, Append(31, 33, 3, 12'000));
    Finish();
    Give(kOther, TombstoneRecord{ReplicaId(3)});
    Finish();
    Give(kOther, Create(3));
    Give(kGroup, Append(5, 6, 2));
    Rewrite(kGroup);
    Finish();
    for (uint64_t i = 7; i <= 14; ++i) {
      Give(kGroup, Append(i, i, 2));
      Finish();
    }
    rig_.RunFor(std::chrono::milliseconds(30));
  }

  RecordHistory& history() { return history_; }

 private:
  LogRig& rig_;
  RecordHistory history_;
};

// The log must open and be explained by the history, which from then on is what was recovered.
void ExpectRecovers(LogRig& rig, RecordHistory& history, const std::string& where) {
  const absl::Status opened = rig.Open();
  ASSERT_TRUE(opened.ok()) << where << ": " << opened;
  const auto prefix = history.FindPrefix(rig.recovery());
  ASSERT_TRUE(prefix.has_value()) << where << ": recovered\n"
                                  << Describe(rig.recovery()) << "expected at least\n"
                                  << history.After(history.size()).Describe();
  history.CutTo(*prefix);
  const LogModel model = history.After(*prefix);
  for (const auto& [id, group] : model.groups()) {
    if (group.entries.empty()) continue;
    const auto entries =
        rig.log().LoadEntries(id, group.entries.front().index, group.entries.back().index);
    ASSERT_TRUE(entries.ok()) << where << ": " << entries.status();
    ASSERT_EQ(*entries, group.entries) << where;
  }
}

TEST(LogCrash, APowerCutAtAnyDiskCallLosesNothingAcknowledged) {
  uint64_t calls = 0;
  {
    LogRig rig;
    ASSERT_TRUE(rig.Open().ok());
    LogWorkload(rig).Run();
    calls = rig.disk().calls();
  }
  ASSERT_GT(calls, 100u);
  for (const CrashModel& model : CrashModels()) {
    for (uint64_t k = 1; k <= calls; ++k) {
      const std::string where = "cut at call " + std::to_string(k);
      LogRig rig(k);
      rig.disk().DieAtCall(k);
      LogWorkload workload(rig);
      if (rig.Open().ok()) workload.Run();
      rig.PowerCut(model);
      ExpectRecovers(rig, workload.history(), where);
      if (::testing::Test::HasFatalFailure()) return;
      // It goes on, and a second cut finds that.
      const ShardId late(77);
      ASSERT_TRUE(rig.Append(late, Create())) << where;
      workload.history().Acknowledge(workload.history().Add(late, Create()));
      rig.PowerCut(model);
      ExpectRecovers(rig, workload.history(), where + ", again");
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogCrash, APowerCutAtAnyDiskCallOfARecoveryIsRecoveredFromToo) {
  LogRig rig;
  ASSERT_TRUE(rig.Open().ok());
  LogWorkload workload(rig);
  workload.Run();
  // In the middle of a batch, so that there is a tail to cut.
  rig.log().Append(kGroup, Append(15, 15, 2, 9000), [] {});
  workload.history().Add(kGroup, Append(15, 15, 2, 9000));
  rig.disk().DieAtCall(2);
  rig.Submit();
  rig.Settle();
  for (const CrashModel& model : CrashModels()) {
    for (uint64_t k = 1;; ++k) {
      LogRig second(k, rig.options(), rig.disk().CloneAfterCrash(k, model));
      RecordHistory history = workload.history();
      second.disk().DieAtCall(k);
      const bool opened = second.Open().ok();
      const bool died = second.disk().dead();
      second.PowerCut(model);
      ExpectRecovers(second, history, "recovery cut at call " + std::to_string(k));
      if (::testing::Test::HasFatalFailure()) return;
      if (opened && !died) break;
    }
  }
}

// The killed process leaves a batch that is whole in the page cache and nowhere else. A footer that
// reaches the disk before it would make its loss look like damage.
TEST(LogCrash, APowerCutDuringTheRecoveryAfterAKillIsNoDamage) {
  for (const CrashModel& model : CrashModels()) {
    for (uint64_t k = 1;; ++k) {
      LogRig rig(k);
      ASSERT_TRUE(rig.Open().ok());
      LogWorkload workload(rig);
      workload.Give(kGroup, Create());
      workload.Finish();
      workload.Give(kGroup, Append(1, 3, 1, 5000));
      rig.disk().DieAtCall(2);
      workload.Finish();
      rig.Kill();
      rig.disk().DieAtCall(k);
      const bool opened = rig.Open().ok();
      const bool died = rig.disk().dead();
      rig.PowerCut(model);
      ExpectRecovers(rig, workload.history(), "recovery cut at call " + std::to_string(k));
      if (::testing::Test::HasFatalFailure()) return;
      if (opened && !died) break;
    }
  }
}

TEST(LogCrash, AKilledProcessLosesNotEvenWhatWasOnlyWritten) {
  LogRig rig;
  ASSERT_TRUE(rig.Open().ok());
  LogWorkload workload(rig);
  workload.Run();
  const size_t size = workload.history().size();
  rig.Kill();
  ExpectRecovers(rig, workload.history(), "killed");
  EXPECT_EQ(workload.history().size(), size);
}

}  // namespace
}  // namespace flotilla::storage

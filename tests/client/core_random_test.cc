// Random faults against the core: whatever is lost, killed, cut off or forgotten, no write takes
// effect twice, every answer is true, and when the faults end all calls do too.
#include "base/random.h"
#include "tests/client/core_fixture.h"

namespace flotilla::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kSeeds = 40;
constexpr int kWritesPerSeed = 120;

// One cluster, one client and one seed.
class RandomFaults {
 public:
  explicit RandomFaults(uint64_t seed) : random_(seed), cluster_(time_, {"a", "b", "c"}) {
    CoreOptions options;
    options.endpoints = {"a", "b", "c"};
    options.sessions.window = random_.Between(4, 64);
    options.link.max_batch_operations = random_.Between(1, 32);
    cluster_.session_limit = options.sessions.window + random_.Below(8);
    cluster_.followers_forward = random_.Chance(1, 2);
    core_ = std::make_unique<ClientCore>(options, time_, time_, random_.Split(), cluster_);
  }
  ~RandomFaults() { core_->Close(); }

  void Run() {
    while (begun_.size() < kWritesPerSeed) {
      const uint64_t burst = random_.Between(1, 10);
      for (uint64_t i = 0; i < burst; ++i) Begin();
      Disturb();
      time_.RunFor(milliseconds(random_.Below(300)));
    }
    for (const char* node : kNodes) {
      cluster_.Revive(node);
      cluster_.Heal(node);
    }
    cluster_.leader = "b";
    cluster_.believed_leader.reset();
    time_.RunFor(seconds(30));
    Check();
  }

 private:
  static constexpr const char* kNodes[] = {"a", "b", "c"};

  void Begin() {
    auto ended = std::make_shared<Ended>();
    Call call;
    // A key of its own: its value says how often the write took effect.
    call.operation = Increment{"n" + std::to_string(begun_.size()), 1};
    call.deadline = time_.Now() + milliseconds(random_.Between(20, 8000));
    const MonoTime deadline = call.deadline;
    call.done = [this, ended, deadline](StatusOr<Result> result) {
      ASSERT_FALSE(ended->done()) << "a call ends once";
      EXPECT_LE(time_.Now(), deadline + milliseconds(10)) << "a call ends at its deadline";
      ended->result.emplace(std::move(result));
    };
    begun_.push_back(ended);
    core_->Execute(std::move(call));
  }

  std::string AnyNode() { return kNodes[random_.Below(3)]; }

  void Disturb() {
    switch (random_.Below(14)) {
      case 0:
        return cluster_.Kill(AnyNode());
      case 1:
      case 2:
        return cluster_.Revive(AnyNode());
      case 3:
        return cluster_.Isolate(AnyNode());
      case 4:
      case 5:
        return cluster_.Heal(AnyNode());
      case 6:
        return cluster_.LoseNextRequest();
      case 7:
        return cluster_.LoseNextReply();
      case 8:
        return cluster_.BreakAfterNextApply();
      case 9:
        cluster_.leader = random_.Chance(1, 4) ? "" : AnyNode();
        return;
      case 10:
        cluster_.believed_leader = random_.Chance(1, 2) ? AnyNode() : "";
        return;
      case 11:
        cluster_.believed_leader.reset();
        return;
      case 12:
        if (random_.Chance(1, 3)) cluster_.ExpireSessions();
        return;
      default:
        return;
    }
  }

  void Check() {
    for (size_t i = 0; i < begun_.size(); ++i) {
      ASSERT_TRUE(begun_[i]->done()) << "write " << i << " never ended";
      const std::string value = cluster_.ValueOf("n" + std::to_string(i));
      const StatusOr<Result>& result = *begun_[i]->result;
      if (result.ok()) {
        EXPECT_EQ(value, "1") << "write " << i;
        EXPECT_EQ(std::get<IncrementResult>(*result).value, 1);
      } else if (result.status().outcome() == Outcome::kNotApplied) {
        EXPECT_EQ(value, "") << "write " << i << ": " << result.status();
      } else {
        EXPECT_TRUE(value.empty() || value == "1") << "write " << i << ": " << value;
      }
    }
    EXPECT_EQ(core_->pending_calls(), 0);
    EXPECT_TRUE(time_.idle()) << "and the client is at rest";
  }

  Random random_;
  VirtualTime time_;
  FakeCluster cluster_;
  std::unique_ptr<ClientCore> core_;
  std::vector<std::shared_ptr<Ended>> begun_;
};

TEST(CoreUnderRandomFaults, NeverRepeatsAWriteAndNeverLies) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    RandomFaults(seed).Run();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace flotilla::client

// The rules of the Raft paper, section by section, in the manner (and with the names) of
// etcd-raft's raft_paper_test.go. Elections without PreVote, as in the paper.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

RaftOptions AsInThePaper() {
  RaftOptions options;
  options.pre_vote = false;
  options.check_quorum = false;
  return options;
}

Start Fresh(int voters = 3) { return {.voters = voters, .options = AsInThePaper()}; }

AppendRequest Append(uint64_t prev_index, uint64_t prev_term, std::vector<Entry> entries = {},
                     uint64_t commit = 0) {
  return {LogIndex(prev_index), Term(prev_term), LogIndex(commit), 0, std::move(entries)};
}

AppendResponse Ack(LogIndex index) { return {index, 0, std::nullopt}; }

// 5.1: if one's current term is smaller, it is updated to the larger value; candidates and leaders
// revert to follower.
TEST(RaftPaper, FollowerUpdateTermFromMessage) {
  CoreDriver core(Fresh());
  core.Receive(2, 2, Append(0, 0));
  EXPECT_EQ(core->term(), Term(2));
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftPaper, CandidateUpdateTermFromMessage) {
  CoreDriver core(Fresh());
  core->Campaign();
  ASSERT_EQ(core->role(), Role::kCandidate);
  core.Receive(2, 2, Append(0, 0));
  EXPECT_EQ(core->term(), Term(2));
  EXPECT_EQ(core->role(), Role::kFollower);
}

TEST(RaftPaper, LeaderUpdateTermFromMessage) {
  CoreDriver core(Fresh());
  core.WinElection();
  core.Receive(2, 2, Append(0, 0));
  EXPECT_EQ(core->term(), Term(2));
  EXPECT_EQ(core->role(), Role::kFollower);
}

// 5.1: a request with a stale term number is rejected; the sender learns of the newer term.
TEST(RaftPaper, RejectStaleTermMessage) {
  CoreDriver core({.term = 3, .options = AsInThePaper()});
  core.Receive(2, 2, Append(0, 0, EntriesOf({2})));
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 heartbeat-ack term=3"));
  EXPECT_EQ(core->last_index(), LogIndex(0));
}

// 5.2: when servers start up, they begin as followers.
TEST(RaftPaper, StartAsFollower) {
  CoreDriver core(Fresh());
  EXPECT_EQ(core->role(), Role::kFollower);
  EXPECT_TRUE(core->leader().replica.is_none());
}

// 5.2: the leader sends heartbeats to maintain its authority.
TEST(RaftPaper, LeaderBcastBeat) {
  CoreDriver core(Fresh());
  core.BecomeLeader();
  core.Tick();
  EXPECT_THAT(core.Settle(),
              ElementsAre("1->2 heartbeat term=1 commit=1", "1->3 heartbeat term=1 commit=1"));
}

// 5.2: without word from a leader a follower increments its term, votes for itself and asks all.
TEST(RaftPaper, FollowerStartElection) {
  CoreDriver core({.term = 1, .options = AsInThePaper()});
  core.Tick(2 * AsInThePaper().election_timeout_ticks);
  EXPECT_EQ(core->term(), Term(2));
  EXPECT_EQ(core->role(), Role::kCandidate);
  EXPECT_EQ(core->Status().vote, ReplicaId(1));
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 vote-request term=2 last=0@0",
                                         "1->3 vote-request term=2 last=0@0"));
}

TEST(RaftPaper, CandidateStartNewElection) {
  CoreDriver core(Fresh());
  core->Campaign();
  core.Settle();
  core.Tick(2 * AsInThePaper().election_timeout_ticks);
  EXPECT_EQ(core->term(), Term(2));
  EXPECT_EQ(core->role(), Role::kCandidate);
  EXPECT_THAT(core.Settle(), Contains("1->2 vote-request term=2 last=0@0"));
}

// 5.2: a candidate wins with the votes of a majority, loses when it cannot get one any more, and
// waits otherwise.
TEST(RaftPaper, LeaderElectionInOneRoundRPC) {
  struct Case {
    int voters;
    std::vector<std::pair<uint64_t, bool>> votes;
    Role expected;
  };
  const std::vector<Case> cases = {
      {1, {}, Role::kLeader},
      {3, {{2, true}, {3, true}}, Role::kLeader},
      {3, {{2, true}}, Role::kLeader},
      {5, {{2, true}, {3, true}, {4, true}, {5, true}}, Role::kLeader},
      {5, {{2, true}, {3, true}}, Role::kLeader},
      {3, {{2, false}, {3, false}}, Role::kFollower},
      {5, {{2, false}, {3, false}, {4, false}}, Role::kFollower},
      {3, {}, Role::kCandidate},
      {5, {{2, true}}, Role::kCandidate},
      {5, {{2, false}, {3, false}}, Role::kCandidate},
  };
  for (const Case& c : cases) {
    CoreDriver core(Fresh(c.voters));
    core->Campaign();
    core.Settle();
    for (const auto& [voter, granted] : c.votes) {
      core.Receive(voter, 1, VoteResponse{false, granted});
    }
    EXPECT_EQ(core->role(), c.expected) << c.voters << " voters, " << c.votes.size() << " answers";
    EXPECT_EQ(core->term(), Term(1));
  }
}

// 5.2: at most one vote per term, first come, first served; repeated for the same candidate.
TEST(RaftPaper, FollowerVote) {
  for (const auto& [vote, candidate, granted] : std::vector<std::tuple<uint64_t, uint64_t, bool>>{
           {0, 2, true}, {0, 3, true}, {2, 2, true}, {3, 3, true}, {2, 3, false}, {3, 2, false}}) {
    CoreDriver core({.term = 1, .vote = vote, .options = AsInThePaper()});
    core.Receive(candidate, 1, VoteRequest{});
    EXPECT_THAT(core.Settle(),
                ElementsAre(HasSubstr(granted ? "vote term=1 granted" : "vote term=1 refused")));
  }
}

// 5.2: a candidate that hears of a leader of its own or a later term becomes a follower.
TEST(RaftPaper, CandidateFallback) {
  for (const uint64_t term : {1, 2}) {
    CoreDriver core(Fresh());
    core->Campaign();
    ASSERT_EQ(core->role(), Role::kCandidate);
    core.Receive(2, term, Append(0, 0));
    EXPECT_EQ(core->role(), Role::kFollower);
    EXPECT_EQ(core->term(), Term(term));
    EXPECT_EQ(core->leader(), MemberNumber(2));
  }
}

// How many ticks pass until the next campaign begins.
int TicksToCampaign(CoreDriver& core) {
  const Term before = core->term();
  int ticks = 0;
  while (core->term() == before) {
    core.Tick();
    ++ticks;
  }
  core.Settle();
  return ticks;
}

// 5.2: election timeouts are chosen randomly from a fixed interval.
TEST(RaftPaper, FollowerElectionTimeoutRandomized) {
  const int timeout = AsInThePaper().election_timeout_ticks;
  std::set<int> seen;
  CoreDriver core(Fresh());
  for (int round = 0; round < 500; ++round) {
    const Term term = core->term().next();
    core.Receive(2, term.value(), Append(0, 0));  // follower again
    seen.insert(TicksToCampaign(core));
  }
  EXPECT_EQ(static_cast<int>(seen.size()), timeout);
  EXPECT_EQ(*seen.begin(), timeout);
  EXPECT_EQ(*seen.rbegin(), 2 * timeout - 1);
}

TEST(RaftPaper, CandidateElectionTimeoutRandomized) {
  const int timeout = AsInThePaper().election_timeout_ticks;
  std::set<int> seen;
  CoreDriver core(Fresh());
  core->Campaign();
  for (int round = 0; round < 500; ++round) seen.insert(TicksToCampaign(core));
  EXPECT_EQ(static_cast<int>(seen.size()), timeout);
  EXPECT_EQ(*seen.begin(), timeout);
  EXPECT_EQ(*seen.rbegin(), 2 * timeout - 1);
}

// 5.2: so that in most cases only a single server times out.
int Conflicts(bool as_candidates) {
  int conflicts = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    TestNetwork network(AsInThePaper(), seed);
    network.Start(5);
    if (as_candidates) {
      for (int node : network.nodes()) {
        network.Step(node, [](RaftCore& core) { core.Campaign(); });
        network.CompleteAll(node);
      }
    }
    const Term before = network.core(1).term();
    int timed_out = 0;
    while (timed_out == 0) {
      for (int node : network.nodes()) {
        network.Tick(node);
        if (network.core(node).term() > before) ++timed_out;
      }
    }
    if (timed_out > 1) ++conflicts;
  }
  return conflicts;
}

TEST(RaftPaper, FollowersElectionTimeoutNonconflict) { EXPECT_LT(Conflicts(false), 250); }

TEST(RaftPaper, CandidatesElectionTimeoutNonconflict) { EXPECT_LT(Conflicts(true), 250); }

// 5.3: the leader appends the command to its log and sends it to all, with what precedes it.
TEST(RaftPaper, LeaderStartReplication) {
  CoreDriver core(Fresh());
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  EXPECT_THAT(core.Settle(), ElementsAre("1->2 append term=1 prev=1@1 commit=1 [2@1 \"x\"]",
                                         "1->3 append term=1 prev=1@1 commit=1 [2@1 \"x\"]"));
  EXPECT_EQ(core->last_index(), LogIndex(2));
  EXPECT_EQ(core->commit(), LogIndex(1));
}

// 5.3: what is safely replicated is applied, and its index is in all later messages.
TEST(RaftPaper, LeaderCommitEntry) {
  CoreDriver core(Fresh());
  core.BecomeLeader();
  ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
  core.Settle();
  core.Receive(2, 1, Ack(LogIndex(2)));
  EXPECT_EQ(core->commit(), LogIndex(2));
  core.Settle();
  ASSERT_EQ(core.committed().size(), 2u);
  EXPECT_EQ(View(core.committed()[1].payload), "x");
  core->AnnounceCommit();
  EXPECT_THAT(core.Settle(), Contains("1->2 heartbeat term=1 commit=2"));
}

// 5.3: an entry is committed once it is on a majority.
TEST(RaftPaper, LeaderAcknowledgeCommit) {
  struct Case {
    int voters;
    std::vector<uint64_t> acknowledging;
    bool committed;
  };
  const std::vector<Case> cases = {
      {1, {}, true},     {3, {}, false},       {3, {2}, true},
      {3, {2, 3}, true}, {5, {}, false},       {5, {2}, false},
      {5, {2, 3}, true}, {5, {2, 3, 4}, true}, {5, {2, 3, 4, 5}, true},
  };
  for (const Case& c : cases) {
    CoreDriver core(Fresh(c.voters));
    core.BecomeLeader();
    ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
    core.Settle();
    for (uint64_t peer : c.acknowledging) core.Receive(peer, 1, Ack(LogIndex(2)));
    EXPECT_EQ(core->commit() >= LogIndex(2), c.committed)
        << c.voters << " voters, " << c.acknowledging.size() << " acknowledge";
  }
}

// 5.3: committing an entry commits all entries before it, also those of other leaders.
TEST(RaftPaper, LeaderCommitPrecedingEntries) {
  for (const std::vector<uint64_t>& log :
       {std::vector<uint64_t>{}, {2}, {1, 2}, {1}, {1, 1, 2, 2}}) {
    CoreDriver core({.term = 2, .log = log, .options = AsInThePaper()});
    core.WinElection();
    ASSERT_TRUE(core->Propose(MakeBytes("x")).ok());
    core.Settle();
    core.Receive(2, 3, Ack(core->last_index()));
    core.Settle();
    EXPECT_EQ(core.committed().size(), log.size() + 2);
    for (size_t i = 0; i < core.committed().size(); ++i) {
      EXPECT_EQ(core.committed()[i].index, LogIndex(i + 1));
    }
  }
}

// 5.3: a follower applies what it learns to be committed, in order.
TEST(RaftPaper, FollowerCommitEntry) {
  for (uint64_t commit = 0; commit <= 3; ++commit) {
    CoreDriver core(Fresh());
    core.Receive(2, 1, Append(0, 0, EntriesOf({1, 1, 1}), commit));
    core.Settle();
    ASSERT_EQ(core.committed().size(), commit);
    for (uint64_t i = 0; i < commit; ++i) EXPECT_EQ(core.committed()[i].index, LogIndex(i + 1));
  }
}

// 5.3: entries that do not follow what the follower has are refused, with a hint where to look.
TEST(RaftPaper, FollowerCheckMsgApp) {
  const Start start{.term = 2, .commit = 1, .log = {1, 2}, .options = AsInThePaper()};
  const auto answer = [&](uint64_t index, uint64_t term) {
    CoreDriver core(start);
    core.Receive(2, 2, Append(index, term));
    return core.Settle();
  };
  EXPECT_THAT(answer(1, 1), ElementsAre("1->2 ack term=2 index=1"));
  EXPECT_THAT(answer(2, 2), ElementsAre("1->2 ack term=2 index=2"));
  EXPECT_THAT(answer(0, 0), ElementsAre("1->2 ack term=2 index=1"));  // what is committed matches
  EXPECT_THAT(answer(2, 1), ElementsAre("1->2 rejection term=2 index=2 hint=1@1"));
  EXPECT_THAT(answer(3, 3), ElementsAre("1->2 rejection term=2 index=3 hint=2@2"));
  EXPECT_THAT(answer(9, 2), ElementsAre("1->2 rejection term=2 index=9 hint=2@2"));
}

// 5.3: what conflicts is replaced, with all that follows it; the rest is kept; new entries follow.
TEST(RaftPaper, FollowerAppendEntries) {
  struct Case {
    uint64_t prev_index;
    uint64_t prev_term;
    std::vector<uint64_t> entries;
    std::vector<uint64_t> log_after;
    std::vector<uint64_t> written;  // indexes
  };
  const std::vector<Case> cases = {
      {2, 2, {3}, {1, 2, 3}, {3}}, {1, 1, {3, 3}, {1, 3, 3}, {2, 3}},
      {0, 0, {1}, {1, 2}, {}},     {0, 0, {3}, {3}, {1}},
      {1, 1, {2}, {1, 2}, {}},     {0, 0, {1, 2, 3}, {1, 2, 3}, {3}},
  };
  for (const Case& c : cases) {
    CoreDriver core({.term = 3, .log = {1, 2}, .options = AsInThePaper()});
    core.Receive(2, 3, Append(c.prev_index, c.prev_term, EntriesOf(c.entries, c.prev_index + 1)));
    core.Settle();
    EXPECT_EQ(core.LogTerms(), c.log_after);
    std::vector<uint64_t> written;
    for (const PersistRequest& write : core.writes()) {
      for (const Entry& entry : write.entries) written.push_back(entry.index.value());
    }
    EXPECT_EQ(written, c.written);
  }
}

// 5.3, figure 7: the leader brings any follower's log into agreement with its own.
TEST(RaftPaper, LeaderSyncFollowerLog) {
  const std::vector<uint64_t> leader = {1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
  const std::vector<std::vector<uint64_t>> followers = {
      {1, 1, 1, 4, 4, 5, 5, 6, 6},
      {1, 1, 1, 4},
      {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
      {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
      {1, 1, 1, 4, 4, 4, 4},
      {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
  };
  for (const std::vector<uint64_t>& follower : followers) {
    TestNetwork network(AsInThePaper());
    const auto start = [&](uint64_t id, const std::vector<uint64_t>& log, uint64_t term) {
      TestDisk disk = TestNetwork::FreshDisk(MakeConfiguration(3));
      disk.hard_state.term = Term(term);
      disk.entries = EntriesOf(log);
      network.StartMember(MemberNumber(id), disk);
    };
    start(1, leader, 8);
    start(2, follower, 7);
    start(3, {}, 8);  // it votes for 1
    network.Step(1, [](RaftCore& core) { core.Campaign(); });
    network.Stabilize();
    ASSERT_EQ(network.core(1).role(), Role::kLeader);
    network.Propose(1, "x");
    network.Stabilize();
    for (LogIndex at(1); at <= network.core(1).last_index(); ++at) {
      EXPECT_EQ(network.core(2).TermAt(at), network.core(1).TermAt(at));
    }
    EXPECT_EQ(network.core(2).last_index(), network.core(1).last_index());
    EXPECT_EQ(network.at(2).state(), network.at(1).state());
  }
}

// 5.4.1: the request for a vote says how complete the candidate's log is.
TEST(RaftPaper, VoteRequest) {
  for (const std::vector<uint64_t>& log : {std::vector<uint64_t>{1}, {1, 2}}) {
    CoreDriver core({.term = 2, .log = log, .options = AsInThePaper()});
    core.Tick(2 * AsInThePaper().election_timeout_ticks);
    const std::string last = std::to_string(log.size()) + "@" + std::to_string(log.back());
    EXPECT_THAT(core.Settle(), UnorderedElementsAre("1->2 vote-request term=3 last=" + last,
                                                    "1->3 vote-request term=3 last=" + last));
  }
}

// 5.4.1: the voter denies its vote if its own log is more up to date.
TEST(RaftPaper, Voter) {
  struct Case {
    std::vector<uint64_t> log;
    uint64_t last_term;
    uint64_t last_index;
    bool granted;
  };
  const std::vector<Case> cases = {
      {{1}, 1, 1, true},  {{1}, 1, 2, true},  {{1, 1}, 1, 1, false},
      {{1}, 2, 1, true},  {{1}, 2, 2, true},  {{1, 1}, 2, 1, true},
      {{2}, 1, 1, false}, {{2}, 1, 2, false}, {{1, 2}, 1, 1, false},
  };
  for (const Case& c : cases) {
    CoreDriver core({.term = 2, .log = c.log, .options = AsInThePaper()});
    core.Receive(2, 3, VoteRequest{false, false, LogIndex(c.last_index), Term(c.last_term)});
    EXPECT_THAT(core.Settle(),
                ElementsAre(c.granted ? "1->2 vote term=3 granted" : "1->2 vote term=3 refused"));
  }
}

// 5.4.2: only entries of the leader's own term are committed by counting replicas.
TEST(RaftPaper, LeaderOnlyCommitsLogFromCurrentTerm) {
  for (const auto& [acknowledged, commit] :
       std::vector<std::pair<uint64_t, uint64_t>>{{1, 0}, {2, 0}, {3, 3}}) {
    CoreDriver core({.term = 2, .log = {1, 2}, .options = AsInThePaper()});
    core.WinElection();  // its no-op is entry 3 of term 3
    core.Receive(2, 3, Ack(LogIndex(acknowledged)));
    EXPECT_EQ(core->commit(), LogIndex(commit));
  }
}

}  // namespace
}  // namespace flotilla::raft

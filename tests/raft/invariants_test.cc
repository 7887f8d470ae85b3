// The checks must fail on what they are there for.
#include "raft/invariants.h"

#include "raft/member_state.h"
#include "tests/raft/core_driver.h"
#include "tests/raft/test_network.h"
#include <gtest/gtest.h>

namespace flotilla::raft {
namespace {

// A member in term 3 with five entries of term 2, three of them committed and applied.
MemberView Sound() {
  MemberView view;
  view.term = Term(3);
  view.last = LogIndex(5);
  view.last_term = Term(2);
  view.commit = LogIndex(3);
  view.commit_term = Term(2);
  view.applying = LogIndex(3);
  view.applied = LogIndex(3);
  view.durable = LogIndex(5);
  return view;
}

MemberState State() {
  InitialState initial;
  initial.self = MemberNumber(1);
  initial.group = ShardId(1);
  initial.hard_state = {Term(3), ReplicaId(), LogIndex(3)};
  initial.snapshot.configuration = MakeConfiguration(3);
  initial.entries = EntriesOf({2, 2, 2, 2, 2});
  initial.applied = LogIndex(3);
  return MemberState({}, initial, 1);
}

template <typename Damage>
void ExpectStateDies(Damage damage) {
  MemberView view = Sound();
  damage(view);
  EXPECT_DEATH(CheckState(view, MemberNumber(1)), "CHECK failed");
}

template <typename Change>
void ExpectTransitionDies(Change change) {
  const MemberState state = State();
  MemberView after = Sound();
  change(after);
  EXPECT_DEATH(CheckTransition(Sound(), after, state), "CHECK failed");
}

TEST(RaftInvariants, ASoundStateThatStaysPasses) {
  const MemberState state = State();
  CheckState(Sound(), MemberNumber(1));
  CheckTransition(Sound(), Sound(), state);
}

TEST(RaftInvariantsDeathTest, PositionsAreInOrder) {
  ExpectStateDies([](MemberView& v) { v.base = LogIndex(4); });
  ExpectStateDies([](MemberView& v) { v.applied = LogIndex(4); });
  ExpectStateDies([](MemberView& v) { v.applying = LogIndex(4); });
  ExpectStateDies([](MemberView& v) { v.commit = LogIndex(6); });
  ExpectStateDies([](MemberView& v) { v.durable = LogIndex(2); });
  ExpectStateDies([](MemberView& v) { v.durable = LogIndex(6); });
  ExpectStateDies([](MemberView& v) { v.last_term = Term(4); });
  ExpectStateDies([](MemberView& v) { v.configuration_index = LogIndex(6); });
}

TEST(RaftInvariantsDeathTest, RolesMatchVotesAndLeaders) {
  ExpectStateDies([](MemberView& v) { v.role = Role::kLeader; });
  ExpectStateDies([](MemberView& v) { v.role = Role::kCandidate; });
  ExpectStateDies([](MemberView& v) { v.leader = MemberNumber(1); });
  ExpectStateDies([](MemberView& v) {
    v.role = Role::kPreCandidate;
    v.leader = MemberNumber(2);
  });
}

TEST(RaftInvariantsDeathTest, NothingGoesBack) {
  ExpectTransitionDies([](MemberView& v) { v.term = Term(2); });
  ExpectTransitionDies([](MemberView& v) { v.commit = LogIndex(2); });
  ExpectTransitionDies([](MemberView& v) { v.applied = LogIndex(2); });
}

TEST(RaftInvariantsDeathTest, WhatIsCommittedStays) {
  const MemberState state = State();
  MemberView before = Sound();
  before.commit_term = Term(1);
  EXPECT_DEATH(CheckTransition(before, Sound(), state), "CHECK failed");
}

TEST(RaftInvariantsDeathTest, AVoteIsGivenOncePerTerm) {
  const MemberState state = State();
  MemberView before = Sound();
  before.vote = ReplicaId(2);
  MemberView after = Sound();
  after.vote = ReplicaId(3);
  EXPECT_DEATH(CheckTransition(before, after, state), "CHECK failed");
  after.vote = ReplicaId();
  EXPECT_DEATH(CheckTransition(before, after, state), "CHECK failed");
}

TEST(RaftInvariantsDeathTest, ATermHasOneLeader) {
  const MemberState state = State();
  MemberView before = Sound();
  before.leader = MemberNumber(2);
  MemberView after = Sound();
  after.leader = MemberNumber(3);
  EXPECT_DEATH(CheckTransition(before, after, state), "CHECK failed");
}

TEST(RaftInvariantsDeathTest, ALeaderOnlyAppendsAndCommitsItsOwnTerm) {
  const MemberState state = State();
  MemberView before = Sound();
  before.role = Role::kLeader;
  before.last = LogIndex(5);
  MemberView shorter = before;
  shorter.last = LogIndex(4);
  EXPECT_DEATH(CheckTransition(before, shorter, state), "CHECK failed");
  MemberView old_term = before;
  old_term.commit = LogIndex(5);
  EXPECT_DEATH(CheckTransition(before, old_term, state), "CHECK failed");
}

}  // namespace
}  // namespace flotilla::raft

#include "tests/simulation/raft/raft_oracle.h"

#include <algorithm>
#include <bit>
#include <sstream>

#include "base/check.h"
#include "base/crc32c.h"

namespace flotilla::simulation {

namespace {

Link Hash(Link previous, uint64_t fact) {
  return std::rotl(previous ^ (fact * 0x9e3779b97f4a7c15), 31) * 0x94d049bb133111eb + 7;
}

bool HasMajority(const std::vector<raft::Member>& voters,
                 const std::function<bool(const raft::Member&)>& holds) {
  const auto count = std::count_if(voters.begin(), voters.end(), holds);
  return static_cast<size_t>(count) > voters.size() / 2;
}

}  // namespace

RaftOracle::RaftOracle(ShardId group, const raft::SnapshotMeta& genesis, RunRecord& record)
    : group_(group), record_(record), first_(genesis.index), max_committed_(genesis.index) {
  const Link link = Hash(group.value(), genesis.index.value());
  committed_.push_back({.term = genesis.term, .link = link});
  links_[{genesis.index, genesis.term}] = link;
}

Link RaftOracle::Extend(const raft::Member& member, Link previous, const raft::Entry& entry) {
  Link link = Hash(previous, entry.index.value());
  link = Hash(link, entry.term.value());
  link = Hash(link, static_cast<uint64_t>(entry.kind));
  link = Hash(link, Crc32c(View(entry.payload)));
  const auto [it, added] = links_.try_emplace({entry.index, entry.term}, link);
  if (!added && it->second != link) {
    Fail(member, "log matching: two logs differ at or before index " + ToString(entry.index) +
                     " with term " + ToString(entry.term) + " in both");
  }
  return link;
}

void RaftOracle::OnLeader(const raft::Member& member, Term term, std::optional<Term> has) {
  const auto [it, added] = leaders_.try_emplace(term, member);
  if (!added && it->second != member) {
    std::ostringstream other;
    other << it->second;
    Fail(member, "election safety: leads in term " + ToString(term) + ", as does " + other.str());
  }
  if (!added) return;
  record_.Mark("raft.leader_elected");
  // Delayed votes can elect it after a later term has committed entries that it need not have.
  if (committed_.back().term < term && has != committed_.back().term) {
    Fail(member, "leader completeness: its log lacks what was committed up to index " +
                     ToString(max_committed_));
  }
}

void RaftOracle::OnCommitted(const raft::Member& member, LogIndex index, Term term, Link link) {
  if (index > max_committed_) {
    FLOTILLA_CHECK_EQ(index, max_committed_.next());
    max_committed_ = index;
    committed_.push_back({.term = term, .link = link});
    return;
  }
  if (CommittedLink(index) != link) {
    Fail(member, "state machine safety: another entry was committed at index " + ToString(index));
  }
}

bool RaftOracle::HasDurableQuorum(const raft::Configuration& configuration,
                                  const std::function<bool(const raft::Member&)>& holds) const {
  return HasMajority(configuration.voters, holds) &&
         (!configuration.IsJoint() || HasMajority(configuration.voters_outgoing, holds));
}

const RaftOracle::Committed& RaftOracle::CommittedAt(LogIndex index) const {
  FLOTILLA_CHECK_GE(index, first_);
  FLOTILLA_CHECK_LE(index, max_committed_);
  return committed_[index - first_];
}

Link RaftOracle::CommittedLink(LogIndex index) const { return CommittedAt(index).link; }

Term RaftOracle::CommittedTerm(LogIndex index) const { return CommittedAt(index).term; }

bool RaftOracle::IsCommitted(LogIndex index, Link link) const {
  return index >= first_ && index <= max_committed_ && CommittedLink(index) == link;
}

void RaftOracle::Fail(const raft::Member& member, std::string what) const {
  std::ostringstream os;
  os << "group " << group_ << ", member " << member << ": " << what;
  record_.Fail(os.str());
}

}  // namespace flotilla::simulation

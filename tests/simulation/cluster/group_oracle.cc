#include "tests/simulation/cluster/group_oracle.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "raft/message_codec.h"

namespace flotilla::simulation {

namespace {

uint64_t HashOf(const raft::Entry& entry) {
  return uint64_t{Crc32c(View(entry.payload))} << 8 | static_cast<uint64_t>(entry.kind);
}

bool IsMajority(const std::vector<raft::Member>& voters,
                const std::function<bool(const raft::Member&)>& agrees) {
  const auto count = std::count_if(voters.begin(), voters.end(), agrees);
  return static_cast<size_t>(count) > voters.size() / 2;
}

bool IsQuorum(const raft::Configuration& configuration,
              const std::function<bool(const raft::Member&)>& agrees) {
  return IsMajority(configuration.voters, agrees) &&
         (!configuration.IsJoint() || IsMajority(configuration.voters_outgoing, agrees));
}

}  // namespace

bool HaveDisjointQuorums(const raft::Configuration& a, const raft::Configuration& b) {
  std::set<raft::Member> all;
  for (const auto* voters : {&a.voters, &a.voters_outgoing, &b.voters, &b.voters_outgoing}) {
    all.insert(voters->begin(), voters->end());
  }
  const std::vector<raft::Member> members(all.begin(), all.end());
  // Every way to divide the members in two, as bits.
  for (uint64_t side = 0; side < uint64_t{1} << members.size(); ++side) {
    const auto on_side = [&members, side](const raft::Member& member) {
      const auto place = std::find(members.begin(), members.end(), member) - members.begin();
      return (side >> place & 1) != 0;
    };
    if (IsQuorum(a, on_side) && IsQuorum(b, [&](const auto& m) { return !on_side(m); }))
      return true;
  }
  return false;
}

void GroupOracle::OnSent(const raft::Message& message) {
  const auto [known, added] = nodes_.try_emplace(message.from.replica, message.from.node);
  if (!added && known->second != message.from.node) {
    Fail(message.from, "node " + ToString(known->second) + " has a replica of the same id");
  }
  if (lost_.contains(message.from.replica)) {
    Fail(message.from, "persistence: it speaks although its disk was lost");
  }
  std::visit([&](const auto& body) { OnBody(message, body); }, message.body);
}

void GroupOracle::OnDiskLost(NodeId node) {
  for (const auto& [replica, home] : nodes_) {
    if (home == node) lost_.insert(replica);
  }
}

void GroupOracle::OnBody(const raft::Message& message, const raft::VoteRequest& request) {
  const Position last{request.last_term, request.last_index};
  CheckKept(message.from, last, "its log ends at");
  candidates_.insert_or_assign({message.from.replica, message.term}, last);
  if (!request.pre) NoteVote(message.from, message.term, message.from);
}

void GroupOracle::OnBody(const raft::Message& message, const raft::VoteResponse& response) {
  if (!response.granted) return;
  const auto candidate = candidates_.find({message.to.replica, message.term});
  // An entry of the vote's own term came from that term's leader, elected without this vote. It was
  // given before, waited for the disk, and leaves with the acknowledgement, to somebody else. Only
  // who votes twice could elect anybody with it.
  const auto promised = promised_.find(message.from.replica);
  const bool too_late = promised != promised_.end() && promised->second.term == message.term;
  if (candidate != candidates_.end() && !too_late) {
    CheckKept(message.from, candidate->second, "it votes for a log that ends at");
  }
  if (!response.pre) NoteVote(message.from, message.term, message.to);
}

void GroupOracle::CheckKept(const raft::Member& member, const Position& log_end,
                            const std::string& saying) const {
  const auto promised = promised_.find(member.replica);
  if (promised == promised_.end() || log_end >= promised->second) return;
  Fail(member, "persistence: " + saying + " index " + ToString(log_end.index) + ", term " +
                   ToString(log_end.term) + ", but it has acknowledged index " +
                   ToString(promised->second.index) + ", term " + ToString(promised->second.term));
}

void GroupOracle::NoteVote(const raft::Member& voter, Term term, const raft::Member& candidate) {
  NotePromise(voter, term);
  const auto [vote, added] = votes_.try_emplace({voter.replica, term}, candidate.replica);
  if (added) record_.Mark("oracle.vote");
  if (vote->second != candidate.replica) {
    Fail(voter, "votes twice in term " + ToString(term));
  }
}

void GroupOracle::NotePromise(const raft::Member& member, Term term) {
  Term& latest = terms_[member.replica];
  if (term < latest) {
    Fail(member,
         "persistence: it goes back from term " + ToString(latest) + " to term " + ToString(term));
  }
  latest = term;
}

void GroupOracle::NoteLeader(const raft::Member& member, Term term) {
  const auto [leader, added] = leaders_.try_emplace(term, member);
  if (leader->second != member) {
    Fail(member, "election safety: leads in term " + ToString(term) + ", as does node " +
                     ToString(leader->second.node));
  }
}

void GroupOracle::OnBody(const raft::Message& message, const raft::Heartbeat& heartbeat) {
  NoteLeader(message.from, message.term);
  NoteCommit(message.from, message.term, heartbeat.commit);
}

void GroupOracle::OnBody(const raft::Message& message, const raft::AppendRequest& request) {
  NoteLeader(message.from, message.term);
  NoteInLog(message.from, message.term, request.prev_index, request.prev_term);
  Term previous = request.prev_term;
  for (const raft::Entry& entry : request.entries) {
    NoteEntry(message, previous, entry);
    previous = entry.term;
  }
  NoteCommit(message.from, message.term, request.commit);
  CheckOwnTerm(message.from, message.term, request.commit);
}

void GroupOracle::NoteEntry(const raft::Message& message, Term previous, const raft::Entry& entry) {
  NoteInLog(message.from, message.term, entry.index, entry.term);
  const uint64_t hash = HashOf(entry);
  const auto [fact, added] = entries_.try_emplace(
      {entry.index, entry.term},
      EntryFact{.previous = previous, .hash = hash, .configuration = std::nullopt});
  if (fact->second.hash != hash || fact->second.previous != previous) {
    Fail(message.from, "log matching: two logs differ at or before index " + ToString(entry.index) +
                           " with term " + ToString(entry.term) + " in both");
  }
  if (added && entry.term == message.term && previous != entry.term) {
    CheckElected(message.from, message.term, entry.index);
  }
  if (added && entry.kind == raft::EntryKind::kConfiguration) NoteConfiguration(message, entry);
}

void GroupOracle::NoteInLog(const raft::Member& leader, Term leader_term, LogIndex index,
                            Term term) {
  logs_.try_emplace({leader_term, index}, term);
  const auto known = committed_.find(index);
  if (known == committed_.end() || known->second.by > leader_term) return;
  if (known->second.term != term) {
    Fail(leader, "leader completeness: leads in term " + ToString(leader_term) +
                     " without the entry of term " + ToString(known->second.term) +
                     " that was committed at index " + ToString(index));
  }
}

std::optional<Term> GroupOracle::TermInLogOf(Term leader_term, LogIndex index) const {
  const auto known = logs_.find({leader_term, index});
  return known == logs_.end() ? std::nullopt : std::optional(known->second);
}

void GroupOracle::NoteCommit(const raft::Member& leader, Term leader_term, LogIndex index) {
  const std::optional<Term> last = TermInLogOf(leader_term, index);
  if (!last.has_value()) return;
  if (*last == leader_term) CheckQuorum(leader, leader_term, index);
  // With an entry everything before it is committed, as far as it is known here.
  for (Term term = *last; !index.is_none(); index = index.prev()) {
    const auto [known, added] = committed_.try_emplace(index, Committed{term, leader_term});
    if (known->second.term != term) {
      Fail(leader, "state machine safety: another entry was committed at index " + ToString(index));
    }
    if (!added) return;
    record_.Mark("oracle.committed");
    const auto fact = entries_.find({index, term});
    if (fact == entries_.end()) return;
    term = fact->second.previous;
  }
}

// Who leads was voted for by a quorum of the configuration that was the last in its log then:
// before the first entry of its own.
void GroupOracle::CheckElected(const raft::Member& leader, Term term, LogIndex first) const {
  const auto configuration = ConfigurationBefore(first, term);
  if (!configuration.has_value()) return;
  record_.Mark("oracle.election_checked");
  const auto agrees = [&](const raft::Member& member) {
    if (member == leader) return true;
    const auto vote = votes_.find({member.replica, term});
    return vote != votes_.end() && vote->second == leader.replica;
  };
  if (!IsQuorum(configuration->second, agrees)) {
    Fail(leader,
         "election safety: leads in term " + ToString(term) + " without the votes of a quorum");
  }
}

// A leader counts acknowledgements for entries of its own term only (Raft thesis 3.6.2), so all
// that it counted were sent in this term, and seen here before the leader saw them.
void GroupOracle::CheckQuorum(const raft::Member& leader, Term term, LogIndex index) {
  LogIndex& checked = quorums_[term];
  if (index <= checked) return;
  checked = index;
  const std::optional<raft::Configuration> configuration = CountedBy(leader, term, index);
  if (!configuration.has_value()) return;
  record_.Mark("oracle.quorum_checked");
  const auto agrees = [&](const raft::Member& member) {
    if (member == leader) return true;
    const auto known = acknowledged_.find({term, member.replica});
    return known != acknowledged_.end() && known->second >= index;
  };
  if (!IsQuorum(*configuration, agrees)) {
    Fail(leader, "commits index " + ToString(index) + " without the agreement of a quorum");
  }
}

std::optional<raft::Configuration> GroupOracle::CountedBy(const raft::Member& leader, Term term,
                                                          LogIndex index) const {
  // A configuration counts for its own entry, a joint one is left only after that.
  const auto entry = entries_.find({index, term});
  if (entry != entries_.end() && entry->second.configuration.has_value()) {
    return entry->second.configuration;
  }
  const std::optional<raft::RaftStatus> status = status_of_(leader);
  // The active configuration is the one that counted if it was in the log before the entry was.
  if (!status.has_value() || status->commit != index || !status->configuration_committed) {
    return std::nullopt;
  }
  return status->configuration;
}

// A leader moves its commit to entries of its own term only: what a majority has of an earlier term
// may still be overwritten (Raft thesis figure 3.7).
void GroupOracle::CheckOwnTerm(const raft::Member& leader, Term term, LogIndex commit) {
  const auto first = first_commits_.try_emplace(term, commit).first;
  if (commit <= first->second) return;
  const std::optional<Term> last = TermInLogOf(term, commit);
  if (!last.has_value()) return;
  record_.Mark("oracle.own_term_checked");
  if (*last != term) {
    Fail(leader, "commits index " + ToString(commit) + " of term " + ToString(*last) +
                     " by counting in term " + ToString(term));
  }
}

void GroupOracle::OnBody(const raft::Message& message, const raft::AppendResponse& response) {
  if (response.rejected.has_value()) {
    CheckRefusal(message, response);
    return;
  }
  NotePromise(message.from, message.term);
  LogIndex& acknowledged = acknowledged_[{message.term, message.from.replica}];
  acknowledged = std::max(acknowledged, response.index);
  const std::optional<Term> term = TermInLogOf(message.term, response.index);
  if (!term.has_value()) return;
  record_.Mark("oracle.acknowledged");
  Position& promised = promised_[message.from.replica];
  promised = std::max(promised, Position{*term, response.index});
}

// A refusal names the last entry at or before the refused one that both logs may have in common.
void GroupOracle::CheckRefusal(const raft::Message& message,
                               const raft::AppendResponse& response) const {
  const auto kept = acknowledged_.find({message.term, message.from.replica});
  if (kept == acknowledged_.end() || response.index < kept->second) return;
  if (response.rejected->last_index >= kept->second) return;
  Fail(message.from, "persistence: its log agrees up to index " +
                         ToString(response.rejected->last_index) +
                         ", but it has acknowledged index " + ToString(kept->second));
}

void GroupOracle::NoteConfiguration(const raft::Message& message, const raft::Entry& entry) {
  const auto decoded = raft::DecodeConfiguration(View(entry.payload));
  if (!decoded.ok()) return Fail(message.from, "sends a configuration that nobody can read");
  entries_[{entry.index, entry.term}].configuration = *decoded;
  const auto before = ConfigurationBefore(entry.index, entry.term);
  if (!before.has_value()) return;
  record_.Mark("oracle.configuration_checked");
  if (HaveDisjointQuorums(before->second, *decoded)) {
    Fail(message.from, "membership: the configuration at index " + ToString(entry.index) +
                           " can decide without the one before");
  }
  if (entry.term != message.term) return;
  CheckPromotions(message, before->second, *decoded);
  const std::optional<raft::RaftStatus> status = status_of_(message.from);
  if (status.has_value() && status->commit < before->first) {
    Fail(message.from, "membership: a second change began, at index " + ToString(entry.index) +
                           ", before the first was committed");
  }
}

// Who has acknowledged nothing to its leader has nothing, as far as that can know.
void GroupOracle::CheckPromotions(const raft::Message& message, const raft::Configuration& before,
                                  const raft::Configuration& after) const {
  for (const raft::Member& voter : after.voters) {
    const bool promoted = !before.IsVoter(voter.replica);
    if (!promoted || acknowledged_.contains({message.term, voter.replica})) continue;
    std::ostringstream os;
    os << "membership: " << voter << " becomes a voter and has acknowledged nothing";
    Fail(message.from, os.str());
  }
}

std::optional<std::pair<LogIndex, raft::Configuration>> GroupOracle::ConfigurationBefore(
    LogIndex index, Term term) const {
  while (true) {
    const auto fact = entries_.find({index, term});
    if (fact == entries_.end()) return std::nullopt;
    term = fact->second.previous;
    index = index.prev();
    const auto before = entries_.find({index, term});
    if (before == entries_.end()) return std::nullopt;
    if (before->second.configuration.has_value()) {
      return std::pair(index, *before->second.configuration);
    }
  }
}

void GroupOracle::Fail(const raft::Member& member, const std::string& what) const {
  std::ostringstream os;
  os << "group " << group_ << ", member " << member << ": " << what;
  record_.Fail(os.str());
}

}  // namespace flotilla::simulation

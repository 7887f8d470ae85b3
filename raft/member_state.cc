#include "raft/member_state.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "raft/configuration.h"
#include "raft/message_codec.h"

namespace flotilla::raft {

namespace {

// Configuration entries are checked before they get into the log, and the log does not rot in
// memory: one that cannot be read was lost by the host.
Configuration ConfigurationIn(const Entry& entry) {
  absl::StatusOr<Configuration> configuration = DecodeConfiguration(View(entry.payload));
  FLOTILLA_CHECK_MSG(configuration.ok(), configuration.status().ToString());
  return *std::move(configuration);
}

ConfigurationHistory HistoryOf(const SnapshotMeta& snapshot, const std::vector<Entry>& entries) {
  FLOTILLA_CHECK_LE(snapshot.configuration_index, snapshot.index);
  ConfigurationHistory history({snapshot.configuration_index, snapshot.configuration});
  for (const Entry& entry : entries) {
    if (entry.kind == EntryKind::kConfiguration)
      history.Append(entry.index, ConfigurationIn(entry));
  }
  return history;
}

}  // namespace

MemberState::MemberState(const RaftOptions& raft_options, const InitialState& initial,
                         uint64_t seed)
    : options(raft_options),
      group(initial.group),
      self(initial.self),
      term_(initial.hard_state.term),
      vote_(initial.hard_state.vote),
      log_({initial.snapshot.index, initial.snapshot.term}, initial.entries,
           initial.hard_state.commit, initial.applied, raft_options.entry_cache_bytes),
      configurations_(HistoryOf(initial.snapshot, initial.entries)),
      persistence_(initial.hard_state, log_.last_index()),
      random_(seed) {
  FLOTILLA_CHECK(!self.node.is_none());
  FLOTILLA_CHECK(!self.replica.is_none());
  if (initial.snapshot.term > term_) {
    // A snapshot can become durable before the hard state of the term that it came in.
    EnterTerm(initial.snapshot.term);
  }
  FLOTILLA_CHECK_GE(term_, log_.last_term());
  // Far from zero and different in every life, see ForwardedReads.
  last_read_context_ = random_.Next() >> 1;
}

void MemberState::EnterTerm(Term term) {
  FLOTILLA_CHECK_GT(term, term_);
  term_ = term;
  vote_ = ReplicaId();
}

void MemberState::VoteFor(ReplicaId candidate) {
  FLOTILLA_CHECK(vote_.is_none() || vote_ == candidate);
  vote_ = candidate;
}

LogIndex MemberState::AppendOwn(EntryKind kind, SharedBytes payload) {
  const LogIndex index = log_.last_index().next();
  log_.Append({index, term_, kind, std::move(payload)});
  persistence_.OnAppended(index);
  if (kind == EntryKind::kConfiguration) {
    configurations_.Append(index, ConfigurationIn(log_.At(index)));
  }
  return index;
}

void MemberState::AppendFromLeader(std::vector<Entry> entries) {
  const auto news = std::find_if(entries.begin(), entries.end(), [this](const Entry& entry) {
    return !log_.Contains({entry.index, entry.term});
  });
  // Only a conflict cuts the log off, never a short message (openraft#511 lost committed data).
  if (news == entries.end()) return;
  const LogIndex first = news->index;
  if (first <= log_.last_index()) {
    log_.TruncateFrom(first);
    if (configurations_.active_index() >= first) configurations_.TruncateFrom(first);
  }
  persistence_.OnAppended(first);
  for (auto entry = news; entry != entries.end(); ++entry) {
    if (entry->kind == EntryKind::kConfiguration) {
      configurations_.Append(entry->index, ConfigurationIn(*entry));
    }
    log_.Append(std::move(*entry));
  }
}

void MemberState::CompactTo(LogIndex index) {
  log_.CompactTo(index);
  configurations_.CompactTo(index);
}

void MemberState::InstallSnapshot(const SnapshotMeta& meta) {
  const RaftLog::Position base{meta.index, meta.term};
  const bool keeps_suffix = log_.Contains(base);
  log_.InstallBase(base);
  persistence_.OnSnapshotInstalled(meta.index, log_.last_index());
  if (keeps_suffix) {
    configurations_.CompactTo(meta.index);
  } else {
    // What trailed the snapshot must not leave its configuration behind (scylladb#9551).
    configurations_.Reset({meta.configuration_index, meta.configuration});
  }
}

bool MemberState::CanCampaign() const {
  // Its own vote would never count, and its term would only be in the way of others.
  if (DiskHangs()) return false;
  // A leader that has removed itself may hold the only copy of that entry: until it is committed,
  // it must be able to campaign (Raft thesis 4.2.2).
  return configuration().IsVoter(self.replica) ||
         configurations_.Settled(log_.commit()).IsVoter(self.replica);
}

uint64_t MemberState::UnappliedBytes() const {
  return log_.BytesBetween(log_.applied(), log_.commit());
}

Message MemberState::MakeMessage(const Member& to, Body body) const {
  return {group, self, to, term_, std::move(body)};
}

void MemberState::Send(const Member& to, Body body) { SendWithTerm(to, term_, std::move(body)); }

void MemberState::SendWithTerm(const Member& to, Term term, Body body) {
  std::vector<Message>& messages = outputs.messages;
  const auto* echo = std::get_if<HeartbeatResponse>(&body);
  if (echo != nullptr && !messages.empty()) {
    Message& previous = messages.back();
    auto* older = std::get_if<HeartbeatResponse>(&previous.body);
    if (older != nullptr && previous.to == to && previous.term == term) {
      older->read_counter = std::max(older->read_counter, echo->read_counter);
      older->applied = std::max(older->applied, echo->applied);
      return;
    }
  }
  messages.push_back({group, self, to, term, std::move(body)});
}

void MemberState::SendWhenDurable(const Member& to, LogIndex index, Body body) {
  if (persistence_.IsDurable(term_, vote_, index)) {
    Send(to, std::move(body));
  } else {
    persistence_.SendAfter(MakeMessage(to, std::move(body)));
  }
}

void MemberState::FailReads(const std::vector<ReadId>& reads) {
  for (ReadId read : reads) FinishRead(read, LogIndex());
}

bool MemberState::HasPersistRequest() const {
  return persistence_.HasRequest(CurrentHardState(), log_);
}

std::optional<PersistRequest> MemberState::TakePersistRequest() {
  return persistence_.TakeRequest(CurrentHardState(), log_);
}

std::vector<Entry> MemberState::TakeCommitted() {
  return log_.TakeCommitted(ApplyLimit(), options.max_apply_batch_bytes);
}

int MemberState::DrawElectionTimeoutTicks() {
  const auto ticks = static_cast<uint64_t>(options.election_timeout_ticks);
  return static_cast<int>(random_.Between(ticks, 2 * ticks - 1));
}

}  // namespace flotilla::raft

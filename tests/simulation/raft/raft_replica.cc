#include "tests/simulation/raft/raft_replica.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "base/check.h"

namespace flotilla::simulation {

namespace {

// Longer than any transfer that is going to succeed.
constexpr Duration kTransferTimeout = std::chrono::seconds(3);
// A snapshot goes in parts, so that one is never much faster than the others: what only a slow one
// brings out is not left to luck.
constexpr int kSnapshotParts = 10;

raft::InitialState Recover(ShardId group, const raft::Member& self, const GroupLog& log,
                           Random& random) {
  raft::InitialState initial{.self = self,
                             .group = group,
                             .hard_state = log.hard_state,
                             .snapshot = log.base,
                             .entries = {},
                             .applied = std::max(log.engine_durable, log.base.index)};
  // A log may give back applied commands without their payloads.
  const bool lean = random.Chance(1, 2);
  for (const LoggedEntry& logged : log.entries) {
    raft::Entry entry = logged.entry;
    if (lean && entry.index <= initial.applied && entry.kind == raft::EntryKind::kCommand) {
      entry.payload = nullptr;
    }
    initial.entries.push_back(std::move(entry));
  }
  return initial;
}

}  // namespace

RaftReplica::RaftReplica(ShardId group, raft::Member self, const RaftReplicaOptions& options,
                         RaftReplicaHost& host, RaftOracle& oracle, RunRecord& record,
                         Random random)
    : group_(group),
      self_(self),
      options_(options),
      host_(host),
      oracle_(oracle),
      record_(record),
      random_(random),
      core_(options.raft, Recover(group, self, host.log().Current(group), random_), random_.Next()),
      applied_(std::max(log().engine_durable, log().base.index)),
      checked_commit_(core_.commit()) {}

void RaftReplica::Receive(raft::Message message) {
  if (record_.tracing()) Trace("gets " + simulation::Describe(message));
  // While the state is being replaced the member is deaf, as if the network had lost it.
  if (installing_) return;
  core_.Receive(std::move(message));
  Observe();
}

void RaftReplica::Tick() {
  if (installing_) return;
  core_.Tick();
  Observe();
}

void RaftReplica::Read() {
  const LogIndex required = oracle_.max_committed();
  const auto id = core_.ReadIndex();
  if (id.ok()) reads_[*id] = required;
  Observe();
}

void RaftReplica::Pump() {
  while (core_.HasOutputs()) {
    raft::Outputs outputs = core_.TakeOutputs();
    if (outputs.persist.has_value()) Persist(*std::move(outputs.persist));
    if (outputs.role_change.has_value()) {
      std::ostringstream os;
      os << ToString(outputs.role_change->role) << " in term " << outputs.role_change->term
         << ", leader " << outputs.role_change->leader;
      Trace(os.str());
    }
    if (core_.role() == raft::Role::kLeader) CheckCommit();
    for (raft::Message& message : outputs.messages) Transmit(std::move(message));
    TakeCommitted(std::move(outputs.committed));
    for (const raft::ReadReady& read : outputs.reads) Answer(read);
    for (const raft::FetchRequest& fetch : outputs.fetches) Fetch(fetch);
    for (const raft::SnapshotRequest& request : outputs.snapshots) SendSnapshot(request);
  }
  if (IsRemoved() && !std::exchange(removal_reported_, true)) host_.Removed(group_);
}

bool RaftReplica::IsRemoved() {
  if (core_.configuration().IsMember(self_.replica)) return false;
  const raft::Configuration applied = core_.MetaAt(core_.applied()).configuration;
  // A snapshot may be older than the change that added this member: then it is yet to come.
  return !applied.IsMember(self_.replica) && self_.replica < applied.next_replica_id;
}

void RaftReplica::Persist(raft::PersistRequest request) {
  const raft::HardState before = log().hard_state;
  if (request.hard_state.has_value()) CheckHardState(before, *request.hard_state);
  std::vector<LoggedEntry> added;
  added.reserve(request.entries.size());
  for (const raft::Entry& entry : request.entries) {
    const std::optional<Link> previous =
        added.empty() ? log().LinkAt(entry.index.prev()) : added.back().link;
    if (!previous.has_value()) return Fail("appends entries that leave a gap");
    added.push_back({.entry = entry, .link = oracle_.Extend(self_, *previous, entry)});
  }
  if (!added.empty() && added.front().entry.index <= log().last_index()) {
    record_.Mark("raft.suffix_replaced");
  }
  auto done = IfAlive(
      [this, ticket = request.ticket, messages = std::move(request.messages_after)]() mutable {
        core_.AppendDone(ticket);
        for (raft::Message& message : messages) Transmit(std::move(message));
        Observe();
      });
  host_.WriteLog(
      group_,
      [hard_state = request.hard_state, added = std::move(added)](GroupLog& group) {
        if (hard_state.has_value()) group.hard_state = *hard_state;
        group.Append(added);
      },
      std::move(done));
}

void RaftReplica::CheckHardState(const raft::HardState& before, const raft::HardState& after) {
  if (after.term < before.term) Fail("its term goes back");
  if (after.term == before.term && !before.vote.is_none() && after.vote != before.vote) {
    Fail("changes its vote in term " + ToString(after.term));
  }
}

void RaftReplica::Transmit(raft::Message message) {
  CheckPromise(message);
  host_.Send(std::move(message));
}

void RaftReplica::CheckPromise(const raft::Message& message) {
  const GroupLog* disk = host_.DiskOf(group_, self_);
  if (const auto* vote = std::get_if<raft::VoteResponse>(&message.body)) {
    if (vote->pre || !vote->granted) return;
    if (disk == nullptr || disk->hard_state.term < message.term ||
        (disk->hard_state.term == message.term && disk->hard_state.vote != message.to.replica)) {
      Fail("a vote leaves before it is durable");
    }
  } else if (const auto* append = std::get_if<raft::AppendResponse>(&message.body)) {
    if (append->rejected.has_value()) return;
    // A later leader may have replaced the entries before they were written: then it is as if they
    // had been, and the acknowledgement had taken its time.
    if (disk != nullptr && disk->hard_state.term > message.term) return;
    if (disk == nullptr || disk->last_index() < append->index) {
      Fail("acknowledges index " + ToString(append->index) + " before it is durable");
    }
  } else if (std::holds_alternative<raft::VoteRequest>(message.body) &&
             !std::get<raft::VoteRequest>(message.body).pre) {
    if (disk == nullptr || disk->hard_state.term < message.term) {
      Fail("campaigns before its own vote is durable");
    }
  }
}

void RaftReplica::Observe() {
  if (core_.role() == raft::Role::kLeader) {
    const LogIndex committed = oracle_.max_committed();
    // What its log has forgotten it has as state.
    const bool forgotten = committed < log().base.index;
    oracle_.OnLeader(self_, core_.term(),
                     forgotten ? oracle_.CommittedTerm(committed) : core_.TermAt(committed));
    CheckCommit();
  }
  host_.WantPump(group_);
}

void RaftReplica::CheckCommit() {
  const LogIndex commit = core_.commit();
  const std::optional<Link> link = log().LinkAt(commit);
  if (commit <= checked_commit_ || !link.has_value()) return;
  checked_commit_ = commit;
  const auto holds = [&](const raft::Member& member) {
    const GroupLog* disk = host_.DiskOf(group_, member);
    return disk != nullptr && (disk->base.index > commit || disk->LinkAt(commit) == link);
  };
  // What others have committed meanwhile may have moved on from the members of then.
  if (commit > oracle_.max_committed() && !oracle_.HasDurableQuorum(core_.configuration(), holds) &&
      !oracle_.HasDurableQuorum(core_.MetaAt(commit).configuration, holds)) {
    Fail("commits index " + ToString(commit) + " which is not durable on a quorum");
  }
  for (LogIndex index = std::max(oracle_.max_committed(), log().base.index).next(); index <= commit;
       ++index) {
    oracle_.OnCommitted(self_, index, log().EntryAt(index)->term, *log().LinkAt(index));
  }
}

void RaftReplica::TakeCommitted(std::vector<raft::Entry> entries) {
  // The snapshot contains them, and the log begins after it already.
  if (installing_) return;
  for (raft::Entry& entry : entries) {
    const LogIndex expected = (to_apply_.empty() ? applied_ : to_apply_.back().index).next();
    if (entry.index != expected) {
      return Fail("is given entry " + ToString(entry.index) + " instead of " + ToString(expected) +
                  " to apply");
    }
    const std::optional<Link> previous = log().LinkAt(entry.index.prev());
    const std::optional<Link> link = log().LinkAt(entry.index);
    if (!previous.has_value() || oracle_.Extend(self_, *previous, entry) != link) {
      return Fail("is given an entry to apply that is not in its log");
    }
    oracle_.OnCommitted(self_, entry.index, entry.term, *link);
    const GroupLog* disk = host_.DiskOf(group_, self_);
    if (disk == nullptr || disk->last_index() < entry.index) {
      return Fail("is given an entry to apply that is not durable locally");
    }
    to_apply_.push_back(std::move(entry));
  }
  ScheduleApply();
}

void RaftReplica::ScheduleApply() {
  if (to_apply_.empty() || applying_ || installing_) return;
  applying_ = true;
  host_.Later(options_.apply_delay, IfAlive([this] {
                applying_ = false;
                if (!installing_) Apply();
              }));
}

void RaftReplica::Apply() {
  if (to_apply_.empty()) return;
  applied_ = to_apply_.back().index;
  to_apply_.clear();
  core_.ApplyDone(applied_);
  if (random_.Chance(options_.flush, 1000)) host_.log().FlushEngine(group_, applied_);
  MaybeCompact();
  Observe();
}

void RaftReplica::MaybeCompact() {
  const LogIndex begin = log().base.index;
  if (compacting_ || applied_ - begin < options_.compact_entries) return;
  LogIndex target = std::min(applied_, log().engine_durable);
  if (!random_.Chance(options_.compact_ruthlessly, 1000)) {
    target = std::min(target, core_.CompactionHint());
  }
  if (target <= begin) return;
  compacting_ = true;
  host_.WriteLog(
      group_,
      [meta = core_.MetaAt(target), link = oracle_.CommittedLink(target)](GroupLog& group) {
        group.Compact(meta, link);
      },
      IfAlive([this, target] {
        compacting_ = false;
        if (installing_ || target > applied_) return;
        record_.Mark("raft.compacted");
        core_.Compacted(target);
        Observe();
      }));
}

void RaftReplica::Answer(const raft::ReadReady& read) {
  const auto it = reads_.find(read.id);
  if (it == reads_.end()) return Fail("answers a read that nobody asked");
  if (!read.index.is_none()) {
    record_.Mark("raft.read_confirmed");
    if (read.index < it->second) {
      Fail("confirms a read at index " + ToString(read.index) + " although " +
           ToString(it->second) + " was committed before it was asked");
    }
  }
  reads_.erase(it);
}

void RaftReplica::Fetch(const raft::FetchRequest& request) {
  record_.Mark("raft.entries_fetched");
  host_.Later(options_.fetch_delay, IfAlive([this, request] {
                std::vector<raft::Entry> entries;
                size_t bytes = 0;
                for (LogIndex index = request.first; index <= request.last; ++index) {
                  const raft::Entry* entry = log().EntryAt(index);
                  if (entry == nullptr) break;
                  bytes += entry->ByteSize();
                  if (bytes > request.max_bytes && !entries.empty()) break;
                  entries.push_back(*entry);
                }
                core_.EntriesFetched(std::move(entries));
                Observe();
              }));
}

void RaftReplica::SendSnapshot(const raft::SnapshotRequest& request) {
  // A leadership regained knows nothing of the transfers of the last one.
  Term& under_way = transfers_[request.to];
  // A peer that caught up from the log and fell behind again: the end of that transfer will do.
  if (under_way >= request.term) return;
  under_way = request.term;
  SendSnapshotParts(request, kSnapshotParts);
}

void RaftReplica::SendSnapshotParts(const raft::SnapshotRequest& request, int left) {
  if (left == 0) return OfferSnapshot(request);
  host_.Later(options_.snapshot_delay / kSnapshotParts, IfAlive([this, request, left] {
                // Who leads no more sends no more.
                if (core_.role() != raft::Role::kLeader || core_.term() != request.term) {
                  return EndTransfer(request.to, request.term, false, LogIndex(0));
                }
                SendSnapshotParts(request, left - 1);
              }));
}

void RaftReplica::OfferSnapshot(const raft::SnapshotRequest& request) {
  if (applied_ < request.at_least || installing_) {
    return EndTransfer(request.to, request.term, false, LogIndex(0));
  }
  const LogIndex from = std::max(request.at_least, log().engine_durable);
  const LogIndex index(random_.Between(std::min(from, applied_).value(), applied_.value()));
  record_.Mark("raft.snapshot_sent");
  host_.SendPacket(request.to.node, SnapshotOffer{.group = group_,
                                                  .from = self_,
                                                  .to = request.to,
                                                  .term = request.term,
                                                  .meta = core_.MetaAt(index),
                                                  .state = oracle_.CommittedLink(index)});
  host_.Later(kTransferTimeout, IfAlive([this, request] {
                EndTransfer(request.to, request.term, false, LogIndex(0));
              }));
}

void RaftReplica::OnAnswer(const SnapshotAnswer& answer) {
  EndTransfer(answer.from, answer.term, answer.ok, answer.index);
}

void RaftReplica::EndTransfer(const raft::Member& to, Term term, bool ok, LogIndex index) {
  const auto it = transfers_.find(to);
  if (it == transfers_.end() || it->second != term) return;
  transfers_.erase(it);
  core_.SnapshotFinished(to, term, ok, index);
  Observe();
}

void RaftReplica::OnOffer(const SnapshotOffer& offer) {
  if (offer.to != self_ || installing_) return;
  // What came before the snapshot goes into the log before it.
  Pump();
  if (core_.WouldInstall(offer.meta)) return Install(offer);
  // All of it is here, committed or not: the leader goes on from the log. A refusal would make it
  // offer the same again for ever (raft seed 1795247561326).
  ReplyToOffer(offer, true);
}

void RaftReplica::Install(const SnapshotOffer& offer) {
  if (oracle_.CommittedLink(offer.meta.index) != offer.state) {
    return Fail("is sent a snapshot of a state that was never committed");
  }
  installing_ = true;
  host_.WriteLog(
      group_,
      [meta = offer.meta, link = offer.state](GroupLog& group) { group.Install(meta, link); },
      IfAlive([this, offer] {
        installing_ = false;
        const absl::Status status = core_.SnapshotInstalled({.meta = offer.meta});
        if (!status.ok()) return Fail("refuses the snapshot it had wanted");
        record_.Mark("raft.snapshot_installed");
        Trace("installed snapshot at " + ToString(offer.meta.index));
        to_apply_.clear();
        applied_ = offer.meta.index;
        checked_commit_ = std::max(checked_commit_, applied_);
        ReplyToOffer(offer, true);
        Observe();
      }));
}

void RaftReplica::ReplyToOffer(const SnapshotOffer& offer, bool ok) {
  host_.SendPacket(offer.from.node, SnapshotAnswer{.group = group_,
                                                   .from = self_,
                                                   .to = offer.from,
                                                   .term = offer.term,
                                                   .ok = ok,
                                                   .index = offer.meta.index});
}

std::string RaftReplica::Describe() const {
  const raft::RaftStatus status = core_.Status();
  std::ostringstream os;
  os << "group " << group_ << " member " << self_ << ": " << ToString(status.role) << " in term "
     << status.term << ", applied " << status.applied << " of " << status.commit
     << " committed, durable " << status.durable << ", log " << status.first_index << " to "
     << status.last_index << ", " << status.configuration
     << (status.configuration_committed ? "" : " (not committed)");
  for (const raft::PeerProgress& peer : status.peers) {
    os << "; " << peer.member << " at " << peer.match << (peer.recently_active ? "" : " silent")
       << (peer.snapshot_pending ? " snapshot" : "");
  }
  return os.str();
}

void RaftReplica::Fail(const std::string& what) {
  std::ostringstream os;
  os << "group " << group_ << ", member " << self_ << ": " << what;
  record_.Fail(os.str());
}

void RaftReplica::Trace(const std::string& what) {
  if (!record_.tracing()) return;
  std::ostringstream os;
  os << "group " << group_ << " member " << self_ << ": " << what;
  record_.Trace(os.str());
}

}  // namespace flotilla::simulation

#include "node/directory_keeper.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "kv/command.h"

namespace flotilla::node {

namespace {

// A transaction takes 256 operations at most (kv::Limits), and one of them is the version's.
constexpr size_t kMaxMerged = 64;
// Nodes that were heard of for so long are told of every change at once; others when they ask.
constexpr Duration kListening = std::chrono::seconds(5);

// Counters are not the directory's business: they would make every report a change.
sharding::ShardClaim WithoutCounters(sharding::ShardClaim claim) {
  claim.counters = {};
  return claim;
}

// Whether the map lacks a part of the claim, or contradicts it.
bool IsNews(const sharding::ShardClaim& claim, const sharding::ShardMap& map) {
  const sharding::MappedShard* known = map.FindShard(claim.descriptor.shard);
  if (known == nullptr) return true;
  const sharding::ShardClaim& old = known->claim;
  const bool descriptor =
      claim.descriptor.version >= old.descriptor.version && claim.descriptor != old.descriptor;
  const bool configuration = claim.configuration.index >= old.configuration.index &&
                             claim.configuration != old.configuration;
  const bool leader = claim.leader.term >= old.leader.term && claim.leader != old.leader &&
                      !claim.leader.node.is_none();
  return descriptor || configuration || leader;
}

}  // namespace

template <typename Callback>
auto DirectoryKeeper::InThisEpoch(Callback callback) {
  return [this, alive = std::weak_ptr<bool>(alive_), epoch = epoch_,
          callback = std::move(callback)](auto&&... args) mutable {
    if (alive.expired() || epoch != epoch_) return;
    callback(std::forward<decltype(args)>(args)...);
  };
}

void DirectoryKeeper::Tick(std::optional<Term> leads) {
  if (leads != term_) {
    if (term_.has_value()) Forget(absl::UnavailableError("this node leads the directory no more"));
    term_ = leads;
    leading_since_ = clock_.Now();
    heard_.clear();
    fresh_.clear();
  }
  if (!term_.has_value()) return;
  if (directory_.has_value()) {
    Pump();
  } else if (!loading_) {
    Load();
  }
}

// What is known is not sure any more; what was asked for has not happened, as far as is known.
void DirectoryKeeper::Forget(const absl::Status& why) {
  ++epoch_;
  directory_.reset();
  loading_ = false;
  std::vector<Request> requests = std::exchange(requests_, {});
  if (const auto done = std::exchange(committing_, std::nullopt)) (*done)(why);
  for (const Request& request : requests) request.done(why);
}

void DirectoryKeeper::Load() {
  ++epoch_;
  loading_ = true;
  kv::ScanPage version;
  version.from = kv::Directory::VersionKey();
  port_.read(std::move(version), InThisEpoch([this](ReadReply reply) {
               if (!reply.error.ok()) {
                 loading_ = false;  // the next tick tries again
                 return;
               }
               auto loading = std::make_shared<Loading>();
               if (!reply.result.rows.empty()) {
                 loading->version_before = std::move(reply.result.rows.front());
               }
               LoadPage(kv::ScanPage{}, std::move(loading));
             }));
}

void DirectoryKeeper::LoadPage(kv::ScanPage page, std::shared_ptr<Loading> loading) {
  port_.read(page, InThisEpoch([this, page, loading](ReadReply reply) mutable {
               if (!reply.error.ok()) {
                 loading_ = false;  // the next tick tries again
                 return;
               }
               for (std::optional<kv::Row>& row : reply.result.rows) {
                 loading->rows.push_back(*std::move(row));
               }
               if (!reply.result.resume_key.has_value()) return OnLoaded(*loading);
               page.from = *reply.result.resume_key;
               LoadPage(std::move(page), std::move(loading));
             }));
}

void DirectoryKeeper::OnLoaded(const Loading& loading) {
  loading_ = false;
  const std::vector<kv::Row>& rows = loading.rows;
  const bool changed = rows.empty() ? loading.version_before.has_value()
                                    : loading.version_before != std::optional(rows.back());
  if (changed) return;
  absl::StatusOr<kv::Directory> directory = kv::Directory::Load(rows);
  if (!directory.ok()) {
    logger_.Error("directory_unreadable",
                  {{"error", std::string(StdView(directory.status().message()))}});
    return;
  }
  directory_ = *std::move(directory);
  logger_.Info("directory_loaded", {{"nodes", directory_->nodes().size()},
                                    {"shards", directory_->shards().shards().size()},
                                    {"version", directory_->shards().version()}});
  for (const auto& [node, heard] : heard_) {
    if (clock_.Now() - heard.at < kListening) fresh_.insert(node);
  }
  Pump();
}

void DirectoryKeeper::OnReport(NodeId from, DirectoryReport report) {
  if (report.self.node != from || !term_.has_value()) return;
  if (directory_.has_value()) {
    // A node that lost its disk is not the one that is known: it must not pass for alive.
    if (const auto allowed = directory_->Register(report.self); !allowed.ok()) {
      return Refuse(allowed.status());
    }
  }
  // Nobody speaks for another leader, or for the directory.
  std::erase_if(report.shards, [from](const ShardReport& shard) {
    const NodeId leader = shard.claim.leader.node;
    return shard.claim.descriptor.shard == kv::kDirectoryShard ||
           (!leader.is_none() && leader != from);
  });
  Heard& heard = heard_[from];
  heard = {.report = std::move(report), .at = clock_.Now(), .told = 0};
  heard.told = heard.report.map_version;
  fresh_.insert(from);
  Tell(from, heard);
  Pump();
}

void DirectoryKeeper::Refuse(const absl::Status& why) {
  std::string message(StdView(why.message()));
  if (!refused_.insert(message).second) return;
  logger_.Error("directory_report_refused", {{"error", std::move(message)}});
}

void DirectoryKeeper::ForgetNode(NodeId node) {
  heard_.erase(node);
  fresh_.erase(node);
}

void DirectoryKeeper::Tell(NodeId node, Heard& heard) {
  DirectoryUpdate update{.leader = self_, .news = {}};
  if (directory_.has_value()) {
    DirectoryUpdate::News& news = update.news.emplace();
    news.shards = directory_->shards().Since(heard.told);
    for (const auto& [id, record] : directory_->nodes()) news.nodes.push_back(record);
    heard.told = directory_->shards().version();
  }
  port_.send(node, update);
}

void DirectoryKeeper::Change(MakeChange make, Done done) {
  if (!directory_.has_value()) {
    return done(absl::UnavailableError("this node does not lead the directory"));
  }
  requests_.push_back({std::move(make), std::move(done)});
  Pump();
}

void DirectoryKeeper::Pump() {
  while (directory_.has_value() && !committing_.has_value()) {
    if (!requests_.empty()) {
      if (!BeginRequest()) continue;
    } else if (!fresh_.empty()) {
      BeginReports();
    }
    return;
  }
}

// False when it is over already.
bool DirectoryKeeper::BeginRequest() {
  Request request = std::move(requests_.front());
  requests_.erase(requests_.begin());
  absl::StatusOr<kv::DirectoryChange> change = request.make(*directory_);
  if (!change.ok() || change->empty()) {
    request.done(change.status());
    return false;
  }
  Commit(*std::move(change), std::move(request.done));
  return true;
}

void DirectoryKeeper::BeginReports() {
  kv::DirectoryChange change = MergeReports();
  if (!change.empty()) Commit(std::move(change), [](const absl::Status&) {});
}

kv::DirectoryChange DirectoryKeeper::MergeReports() {
  kv::DirectoryChange change;
  std::vector<sharding::ShardClaim> claims;
  while (!fresh_.empty() && change.nodes.size() + claims.size() < kMaxMerged) {
    const DirectoryReport& report = heard_.at(*fresh_.begin()).report;
    const auto registered = directory_->Register(report.self);
    if (registered.ok()) {
      change.nodes.insert(change.nodes.end(), registered->nodes.begin(), registered->nodes.end());
    } else {
      Refuse(registered.status());
    }
    bool all = true;
    for (const ShardReport& shard : report.shards) {
      if (!IsNews(shard.claim, directory_->shards())) continue;
      all = claims.size() < kMaxMerged;
      if (!all) break;  // the rest with the next change
      claims.push_back(WithoutCounters(shard.claim));
    }
    if (!all) break;
    fresh_.erase(fresh_.begin());
  }
  auto merged = directory_->Claim(claims);
  if (!merged.ok() || merged->shards.items.size() > 2 * kMaxMerged) merged = ClaimFirst(claims);
  if (merged.ok()) change.shards = std::move(merged->shards);
  return change;
}

// What cannot be true together is looked at one by one; the rest comes again with the next reports.
absl::StatusOr<kv::DirectoryChange> DirectoryKeeper::ClaimFirst(
    const std::vector<sharding::ShardClaim>& claims) {
  absl::StatusOr<kv::DirectoryChange> change = kv::DirectoryChange();
  for (const sharding::ShardClaim& claim : claims) {
    change = directory_->Claim({&claim, 1});
    if (change.ok() && !change->empty()) break;
    if (!change.ok()) Refuse(change.status());
  }
  return change;
}

void DirectoryKeeper::Commit(kv::DirectoryChange change, Done done) {
  committing_ = std::move(done);
  kv::Operation operation = directory_->CommandFor(change).operation;
  port_.write(std::move(operation),
              InThisEpoch([this, change = std::move(change)](const WriteReply& reply) {
                OnCommitted(change, reply);
              }));
}

void DirectoryKeeper::OnCommitted(const kv::DirectoryChange& change, const WriteReply& reply) {
  const bool held =
      reply.error.ok() && reply.result.code == kv::ResultCode::kOk && reply.result.conditions_held;
  if (!held || !directory_->Apply(change).ok()) {
    return Forget(absl::UnavailableError("the directory could not be changed"));
  }
  const Done done = *std::exchange(committing_, std::nullopt);
  for (auto& [node, heard] : heard_) {
    if (clock_.Now() - heard.at < kListening) Tell(node, heard);
  }
  done(absl::OkStatus());
  Pump();
}

}  // namespace flotilla::node

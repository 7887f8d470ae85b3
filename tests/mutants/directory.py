"""The directory of nodes and shards, and what moves replicas by it."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="reports_never_repeated",
        wrong="A node reports once and never again.",
        changes=(
            Change("node/directory_reporter.cc",
                   "  const bool due = leader_.is_none() || now >= sent_at_ + kReportInterval;\n",
                   "  const bool due = leader_.is_none();\n"),
            Change("node/directory_reporter.cc",
                   "if (!due && !moved && last_.has_value() && !IsNews(report, *last_)) return;",
                   "if (!due && !moved && last_.has_value() && "
                   "(IsNews(report, *last_) || true)) return;"),
        ),
        expected=("nodes do not catch up",)),
    Mutant(
        name="map_news_not_taken_over",
        wrong="A node hears what is new in the shard map, and keeps its old copy.",
        changes=(
            Change("node/directory_reporter.cc",
                   "const absl::Status applied = map_.Apply(update.news->shards);",
                   "const absl::Status applied = map_.version() > 0 ? absl::OkStatus() "
                   ": map_.Apply(update.news->shards);"),
        ),
        expected=("nodes do not catch up", "requests are not answered")),
    Mutant(
        name="clients_reach_the_directory",
        wrong="A key that hashes anywhere is looked for in the directory's shard.",
        changes=(
            Change("node/node_requests.cc",
                   "if (shard == kv::kDirectoryShard || own.shard.is_none()) continue;\n"
                   "    if (own.arc.Contains(slot)) return replica.get();\n",
                   "if (own.shard.is_none()) continue;\n"
                   "    if (own.arc.Contains(slot)) {\n"
                   "      const auto last = replicas_.rbegin();\n"
                   "      if (last->first == kv::kDirectoryShard) return last->second.get();\n"
                   "      return replica.get();\n    }\n"),
        ),
        expected=("not linearizable", "versions", "nodes do not catch up", "directory")),
    Mutant(
        name="planner_oscillates",
        wrong="A replica is moved although nothing gets more even by it, and back again.",
        changes=(
            Change("sharding/fair_share.h",
                   "return (2 * from.count - 1) * to.weight > (2 * to.count + 1) * from.weight;",
                   "return (2 * from.count - 1) * to.weight >= (2 * to.count + 1) * from.weight;"),
        ),
        expected=("leaders or members change", "nodes do not catch up")),
    Mutant(
        name="hot_leaders_passed_around",
        wrong="A leader is handed over for its load to where it makes the same too much, at once.",
        changes=(
            Change("sharding/level_balance.cc",
                   "    if (gain <= 0 || gain * kLeastGain < moved || highest_other > highest_) "
                   "return;\n",
                   "    if (gain <= 0 || gain * kLeastGain < moved) return;\n"),
            Change("sharding/load_balance.cc",
                   "    if (shard.view->leader_settled) continue;\n", ""),
        ),
        expected=("leaders or members change", "nodes do not catch up")),
    Mutant(
        name="learners_left_behind",
        wrong="A replica that was being filled when the directory's leader died stays a learner.",
        changes=(
            Change("node/balancer.cc", "    AdoptLearners(sight, shards, view);\n", ""),
        ),
        expected=("nodes do not catch up", "leaders or members change")),
    Mutant(
        name="operation_never_ends",
        wrong="An operation that is done is not recorded as ended.",
        changes=(
            Change("node/step_end.cc",
                   "  if (IsDone(under_way, shard->claim)) return StepEnd"
                   "{OperationState::kSucceeded, \"\"};\n",
                   "  if (IsDone(under_way, shard->claim)) return std::nullopt;\n"),
        ),
        expected=("is still running", "nodes do not catch up", "leaders or members change")),
    Mutant(
        name="operation_not_resumed",
        wrong="What the last leader of the directory had begun, the next one leaves alone.",
        changes=(
            Change("node/balancer.cc",
                   "    if (!record.has_ended()) TakeUp(record, sight);\n",
                   "    const auto known = under_way_.find(ShardOf(record.step));\n"
                   "    if (!record.has_ended() && known != under_way_.end()) "
                   "TakeUp(record, sight);\n"),
        ),
        expected=("is still", "nodes do not catch up")),
    Mutant(
        name="operation_ordered_before_it_is_recorded",
        wrong="The first order goes out while the operation is still being written down.",
        changes=(
            Change("node/plan_progress.cc",
                   "  return !under_way.operation.is_none() || "
                   "std::holds_alternative<TransferLeader>(under_way.step);\n",
                   "  return true;\n"),
        ),
        expected=("the directory has no record of it",)),
    Mutant(
        name="cancelled_operation_leaves_its_learner",
        wrong="A learner that was added stays when the operation is cancelled.",
        changes=(
            Change("node/plan_progress.cc",
                   "    if (StandingOf(node, shard.claim) != Standing::kLearner) "
                   "return std::nullopt;\n",
                   "    if (StandingOf(node, shard.claim) != Standing::kNone) "
                   "return std::nullopt;\n"),
        ),
        expected=("is still cancelling", "nodes do not catch up")),
    Mutant(
        name="cancelled_operation_begun_again",
        wrong="What was cancelled is planned again at once.",
        changes=(
            Change("node/balancer.cc",
                   "  if (record.state != kv::OperationState::kCancelled) return false;\n",
                   "  if (record.state != kv::OperationState::kFailed || "
                   "record.has_ended()) return false;\n"),
        ),
        expected=("does again what was cancelled",)),
]

"""Who belongs to a group (Raft thesis 4), and whom a node may take itself for."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="two_changes_at_once",
        wrong="A second change of the configuration begins before the first is committed.",
        changes=(
            Change("raft/leader_membership.cc",
                   "  if (pending || state_.configuration().IsJoint()) {",
                   "  if (pending && state_.configuration().IsJoint()) {"),
            Change("raft/configuration.cc",
                   "  FLOTILLA_CHECK(!current.IsJoint());\n", ""),
        ),
        expected=("a second change began",)),
    Mutant(
        name="joint_step_left_out",
        wrong="Voters are exchanged at once, without the joint configuration between.",
        changes=(
            Change("raft/configuration.cc",
                   "    if (next_.voters != current.voters) "
                   "next_.voters_outgoing = current.voters;\n",
                   "    if (next_.voters.size() > current.voters.size() + 9) "
                   "next_.voters_outgoing = current.voters;\n"
                   "    for (const Member& demoted : next_.learners_next) "
                   "Insert(next_.learners, demoted);\n"
                   "    next_.learners_next.clear();\n"),
        ),
        expected=("can decide without the one before",),
        worlds=("cluster", "raft")),
    Mutant(
        name="replica_id_used_again",
        wrong="A new member gets the id of one that was removed.",
        changes=(
            Change("raft/configuration.cc",
                   "    Insert(next_.learners, {node, next_.next_replica_id});",
                   "    uint64_t highest = 0;\n"
                   "    for (const Member& member : next_.AllMembers()) {\n"
                   "      highest = std::max(highest, member.replica.value());\n"
                   "    }\n"
                   "    next_.next_replica_id = ReplicaId(highest + 1);\n"
                   "    Insert(next_.learners, {node, next_.next_replica_id});"),
        ),
        expected=("has a replica of the same id", "liveness", "persistence")),
    Mutant(
        name="snapshot_without_configuration",
        wrong="The state keeps the configuration that it began with, and gives that to others.",
        changes=(
            Change("kv/state_machine.cc",
                   "  applied_.configuration_index = entry.index;\n"
                   "  scope.rows.Put(ShardRowKey(), EncodeShardRow(applied_));\n",
                   "  applied_.configuration_index = entry.index;\n  (void)scope;\n"),
        ),
        expected=("has a replica of the same id", "liveness", "membership")),
    Mutant(
        name="configuration_of_the_old_log_kept",
        wrong="A snapshot replaces the log, but not the configurations in it (scylladb#9551).",
        changes=(
            Change("raft/member_state.cc",
                   "    configurations_.Reset({meta.configuration_index, meta.configuration});",
                   "    configurations_.CompactTo(meta.index);"),
        ),
        expected=("goes by another configuration", "liveness")),
    Mutant(
        name="truncated_configuration_kept",
        wrong="A configuration stays in force although its entry was cut off.",
        changes=(
            Change("raft/member_state.cc",
                   "    if (configurations_.active_index() >= first) "
                   "configurations_.TruncateFrom(first);\n",
                   ""),
        ),
        expected=("CHECK failed",),
        worlds=("raft", "cluster")),
    Mutant(
        name="promoted_without_catching_up",
        wrong="A learner becomes a voter however far it is behind.",
        changes=(
            Change("node/repairs.cc",
                   "    return peer.member == learner && !peer.match.is_none() && "
                   "peer.recently_active &&\n"
                   "           !peer.snapshot_pending && peer.match + kEntriesBehind >= "
                   "leader.commit;",
                   "    return peer.match + kEntriesBehind >= LogIndex() || "
                   "peer.member == learner;"),
        ),
        expected=("membership", "liveness")),
    Mutant(
        name="wiped_node_taken_back",
        wrong="A node whose disk was wiped takes up the membership that it had before.",
        changes=(
            Change("node/node_replicas.cc",
                   "  } else if (answer.incarnation != folder_->identity().incarnation) {",
                   "  } else if (answer.incarnation.is_none()) {"),
            Change("node/node_replicas.cc",
                   "  if (replica.value() <= FoundersOf(shard, identity).members.size()) "
                   "return false;\n",
                   "  (void)identity;\n"),
            # Founders are known by their disks before anyone asks who is a member.
            Change("node/cluster_join.cc",
                   "  if (founder != nullptr && founder->incarnation != peer.self.incarnation) {",
                   "  if (founder != nullptr && founder->incarnation.is_none()) {"),
            Change("node/cluster_join.cc",
                   "  if (self != nullptr && self->incarnation != hello_.self.incarnation) {",
                   "  if (self != nullptr && self->incarnation.is_none()) {"),
        ),
        expected=("persistence", "votes twice in term", "leader completeness")),
]

"""Votes and terms (Raft thesis 3.4, 3.6.1, 3.8)."""

from mutants import NO_SELF_CHECK, Change, Mutant

MUTANTS = [
    Mutant(
        name="votes_twice_in_a_term",
        wrong="A vote that was given does not keep a member from giving another in the same term.",
        changes=(
            Change("raft/voting.cc",
                   "  if (!state_.vote().is_none()) "
                   "return state_.vote() == message.from.replica;\n",
                   ""),
            Change("raft/member_state.cc",
                   "  FLOTILLA_CHECK(vote_.is_none() || vote_ == candidate);\n", ""),
            NO_SELF_CHECK,
        ),
        expected=("votes twice in term",)),
    Mutant(
        name="votes_for_a_shorter_log",
        wrong="A vote is given whatever the candidate's log holds.",
        changes=(
            Change("raft/voting.cc",
                   "  if (!state_.log().IsCoveredBy({request.last_index, request.last_term})) "
                   "return false;\n",
                   "  (void)request;\n"),
        ),
        expected=("leader completeness", "persistence")),
    Mutant(
        name="votes_for_an_older_log",
        wrong="Logs are compared by their length alone, not by their last term first.",
        changes=(
            Change("raft/raft_log.cc",
                   "  if (last.term != last_term()) return last.term > last_term();\n", ""),
        ),
        expected=("leader completeness", "persistence"),
        worlds=("raft", "cluster")),
    Mutant(
        name="vote_answered_before_durable",
        wrong="A vote leaves before the disk has it, so a restarted member may give another.",
        changes=(
            Change("raft/voting.cc",
                   "state_.SendWhenDurable(message.from, LogIndex(), response);",
                   "state_.Send(message.from, response);"),
        ),
        expected=("votes twice in term", "persistence: it goes back from term")),
    Mutant(
        name="vote_requested_before_durable",
        wrong="A candidate asks for votes before its own is on its disk.",
        changes=(
            Change("raft/candidate.cc",
                   "state_.SendWhenDurable(voter, log.last_index(), request);",
                   "state_.Send(voter, request);"),
        ),
        expected=("votes twice in term", "persistence: it goes back from term",
                  "persistence: its log ends")),
    Mutant(
        name="vote_not_persisted",
        wrong="The hard state that is written has no vote.",
        changes=(
            Change("raft/persistence.cc",
                   "    request.hard_state = now;\n",
                   "    request.hard_state = now;\n    request.hard_state->vote = ReplicaId();\n"),
        ),
        expected=("votes twice in term",)),
    Mutant(
        name="term_not_persisted",
        wrong="A new term is written only once a vote is given in it.",
        changes=(
            Change("raft/persistence.cc",
                   "return a.term == b.term && a.vote == b.vote;",
                   "return (a.term == b.term || b.vote.is_none()) && a.vote == b.vote;"),
        ),
        expected=("persistence: it goes back from term", "log_.last_term()")),
    Mutant(
        name="half_of_the_votes_elects",
        wrong="Half of an even number of voters elects a leader.",
        changes=(
            Change("raft/quorum.cc",
                   "voters.empty() ? 0 : voters.size() / 2 + 1;",
                   "(voters.size() + 1) / 2;"),
        ),
        expected=("election safety", "as does node")),
    Mutant(
        name="joint_election_by_one_half",
        wrong="In a joint configuration the new voters alone elect a leader.",
        changes=(
            Change("raft/quorum.cc",
                   "incoming == VoteOutcome::kWon && outgoing == VoteOutcome::kWon",
                   "incoming == VoteOutcome::kWon"),
        ),
        expected=("election safety", "leader completeness"),
        worlds=("cluster", "raft")),
]

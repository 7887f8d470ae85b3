"""The library: a write takes effect once, and its caller hears what is known of it."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="retry_under_another_number",
        wrong="Every try of a write has a sequence number of its own.",
        changes=(
            Change("client/node_link.cc",
                   "    out.sequence = call.sequence;\n",
                   "    out.sequence = call.sequence + (call.tries - 1) * uint64_t{1'000'000};\n"),
        ),
        expected=("not linearizable", "versions", "not atomic")),
    Mutant(
        name="unknown_reported_as_failed",
        wrong="A write that may have happened is reported as one that did not.",
        changes=(
            Change("client/call_status.cc",
                   "return call.ambiguous || under_way ? Outcome::kUnknown : "
                   "Outcome::kNotApplied;",
                   "return call.ambiguous && !under_way ? Outcome::kNotApplied : "
                   "Outcome::kNotApplied;"),
        ),
        expected=("not linearizable", "versions", "not atomic", "nobody wrote this")),
    Mutant(
        name="sent_write_taken_for_unsent",
        wrong="A write that was on its way when its node died counts as one that was not sent.",
        changes=(
            Change("client/client_core_events.cc",
                   "    call->ambiguous = call->ambiguous || call->is_write;\n", ""),
        ),
        expected=("not linearizable", "versions", "not atomic", "nobody wrote this")),
    Mutant(
        name="repeated_in_another_session",
        wrong="A write whose session is gone is repeated in a new one.",
        changes=(
            Change("client/client_core.cc",
                   "    sessions_.Expired(*call.session);\n",
                   "    sessions_.Expired(*call.session);\n"
                   "    sessions_.End(call);\n"
                   "    BackOff(call, Duration(0));\n"
                   "    return;\n"),
        ),
        expected=("not linearizable", "versions", "not atomic")),
    Mutant(
        name="unanswered_write_acknowledged",
        wrong="The client lets the shard forget the answers to writes that are still under way.",
        changes=(
            Change("client/write_session.cc",
                   "return writes_.empty() ? next_sequence_ : writes_.front().sequence;",
                   "return writes_.empty() ? next_sequence_ : writes_.back().sequence;"),
        ),
        expected=("SEQUENCE_FORGOTTEN", "the server refuses what the client library sends")),
    Mutant(
        name="linearizable_read_asked_for_as_stale",
        wrong="The level that the caller asked for does not reach the node.",
        changes=(
            Change("client/node_link.cc",
                   "  out.level = call.call.level;\n",
                   "  out.level = call.is_write ? call.call.level : ReadLevel::kStale;\n"),
        ),
        expected=("not linearizable", "versions")),
    Mutant(
        name="range_delete_is_done_by_one_shard",
        wrong="What one shard has deleted of a range counts for all.",
        changes=(
            Change("client/spread_delete.cc",
                   "  cover_.Add(*deletion.arc);\n",
                   "  cover_.Add(sharding::Arc());\n"),
        ),
        expected=("not linearizable",)),
    Mutant(
        name="read_of_many_shards_is_mixed_up",
        wrong="Rows of a part of a read are taken for those of the first keys of the whole.",
        changes=(
            Change("client/spread_get.cc",
                   "result_.entries[keys[i]] = std::move(got.entries[i]);",
                   "result_.entries[i] = std::move(got.entries[i]);"),
        ),
        expected=("not linearizable", "version")),
]

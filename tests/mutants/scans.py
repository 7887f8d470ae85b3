"""A scan over all shards loses no key, repeats none, and keeps the order."""

from mutants import Change, Mutant

MUTANTS = [
    Mutant(
        name="page_is_of_what_was_asked_for",
        wrong="A page counts for all slots that it was asked for, whatever its shard owned.",
        changes=(
            Change("sharding/scan_merge.cc",
                   "const std::optional<Arc> arc = Overlap(slots, page.arc);",
                   "const std::optional<Arc> arc(slots);"),
        ),
        expected=("not linearizable",)),
    Mutant(
        name="page_goes_on_behind_a_shard",
        wrong="A merged page does not end where the first shard's ends.",
        changes=(
            Change("sharding/scan_merge.cc",
                   "  if (EndsBefore(taken.reach)) {\n",
                   "  if (pages_.empty() && EndsBefore(taken.reach)) {\n"),
        ),
        expected=("not linearizable", "does not stay in order or range")),
    Mutant(
        name="rows_behind_the_page",
        wrong="A merged page has rows from behind its end; the next one has them again.",
        changes=(
            Change("sharding/scan_merge.cc",
                   "if (IsInRange(row.key) && IsOf(taken.arcs, row.key))",
                   "if (!row.key.empty() && IsOf(taken.arcs, row.key))"),
        ),
        expected=("does not stay in order or range", "not linearizable")),
    Mutant(
        name="token_skips_a_key",
        wrong="A page from the top down that was cut goes on below the first key left out.",
        changes=(
            Change("sharding/scan_merge.cc",
                   "range_.reverse ? page.rows[fit - 1].key : page.rows[fit].key;",
                   "page.rows[fit].key;"),
        ),
        expected=("not linearizable",)),
]

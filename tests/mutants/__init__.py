"""Planted bugs, each of which the simulator must find: what it cannot find, it does not test.

A module per area lists its mutants. None of them leaves a trace in the sources: scripts/mutants
makes the replacements in a copy of the tree.
"""

import dataclasses
import importlib

AREAS = ("election", "log", "commit", "reads", "membership", "snapshots", "sessions",
         "wal_recovery", "disk", "apply", "splits", "directory", "scans", "liveness", "client",
         "harness")


@dataclasses.dataclass(frozen=True)
class Change:
    """In `file`, `old`, which is there exactly once, becomes `new`."""

    file: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    wrong: str  # in one sentence, what the code does then
    changes: tuple[Change, ...]
    # What is said by the check that should be the first to notice; alternatives where chance
    # decides which of two comes first.
    expected: tuple[str, ...]
    # The worlds that are to find it, tried in this order.
    worlds: tuple[str, ...] = ("cluster",)
    # Planted in the simulator itself: its unit tests find it, or a sweep that comes out wrong.
    harness: bool = False


# The consensus core checks every one of its steps. Where that would be the first to notice, a
# mutant takes the checks out: what watches from outside must notice too.
NO_SELF_CHECK = Change(
    "raft/core_impl.cc",
    "if (impl.state_.options.check_invariants) before_ = impl.View();",
    "before_ = std::nullopt;")


def all_mutants():
    mutants = []
    for area in AREAS:
        mutants += importlib.import_module(f"mutants.{area}").MUTANTS
    return mutants


def area_of(mutant):
    for area in AREAS:
        if mutant in importlib.import_module(f"mutants.{area}").MUTANTS:
            return area
    raise ValueError(mutant.name)

"""Every planted bug fits the sources as they are: one that fits no more is noticed at once."""

import collections
import pathlib

import mutants
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MUTANTS = mutants.all_mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_replaces_is_there_once(mutant):
    texts = {}
    for change in mutant.changes:
        text = texts.get(change.file) or (ROOT / change.file).read_text()
        assert text.count(change.old) == 1, change
        assert change.new != change.old
        texts[change.file] = text.replace(change.old, change.new)


def test_names_are_unique():
    counts = collections.Counter(mutant.name for mutant in MUTANTS)
    assert [name for name, count in counts.items() if count > 1] == []


def test_production_and_harness_mutants_change_different_files():
    for mutant in MUTANTS:
        for change in mutant.changes:
            assert change.file.startswith("tests/") == mutant.harness, mutant.name


def test_every_mutant_says_who_should_find_it():
    for mutant in MUTANTS:
        assert mutant.wrong.endswith("."), mutant.name
        assert mutant.expected and mutant.worlds, mutant.name

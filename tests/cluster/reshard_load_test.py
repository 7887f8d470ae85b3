"""What the load of the demo was answered is added up rightly."""

import sys

import pytest

from cluster import reshard_load

OUTPUT = """
{"second":10,"acked":100}
{"second":11,"acked":300}
{"arc":0,"from":11.0,"to":11.25}
{"second":12,"acked":20}
{"arc":31,"from":11.5,"to":12.5}
{"second":13,"acked":200}
{"acked":620,"lost":0}
"""


@pytest.fixture(name="load")
def finished_load(tmp_path):
    load = reshard_load.ReshardLoad([], tmp_path / "log")
    program = tmp_path / "load.py"
    program.write_text(f"import sys; print({OUTPUT!r}, flush=True); sys.stdin.read()",
                       encoding="utf-8")
    load._command = [sys.executable, program]  # pylint: disable=protected-access
    with load:
        load.wait_until_begun()
        assert load.finish() == {"acked": 620, "lost": 0}
    return load


def test_the_rate_is_the_median_of_whole_seconds(load):
    assert load.median_rate([(10, 14)]) == 150
    assert load.median_rate([(10, 11), (12.5, 14)]) == 150
    assert load.median_rate([(10, 14)], without=[(12.2, 12.4)]) == 200
    assert load.median_rate([]) == 0


def test_a_gap_counts_whole_in_the_times_and_slots_that_it_reaches_into(load):
    assert load.longest_gap_ms(10, 14) == 1000
    assert load.longest_gap_ms(12.4, 13) == 1000
    assert load.longest_gap_ms(10, 11.4) == 250
    assert load.longest_gap_ms(10, 14, first_slot=0, last_slot=511) == 250


def test_a_gap_of_another_cause_does_not_count(load):
    assert load.longest_gap_ms(10, 14, without=[(12, 13)]) == 250


def test_without_a_gap_it_is_the_shortest_that_would_show(load):
    assert load.longest_gap_ms(13, 14) == reshard_load.SHORTEST_GAP_MS
    assert load.longest_gap_ms(10, 14, first_slot=512, last_slot=1023) == 30


def test_the_longest_gaps_come_with_their_slots(load):
    assert load.longest_gaps(1) == [(11.5, 12.5, "15872-16383")]

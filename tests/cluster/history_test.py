"""The verdict on a history tells every kind of broken promise from a kept one."""

from cluster import history

MS = 1_000_000


def operation(process, function, key, argument, completion, result=None):
    common = {"process": process, "workload": "any", "f": function, "key": key}
    return [{**common, "type": "invoke", "value": argument},
            {**common, "type": completion, "value": result}]


def put(key, value, completion="ok"):
    return operation(0, "write", key, value, completion, value)


def increment(value, completion="ok", key="n"):
    return operation(1, "increment", key, 1, completion, value)


def verdict(*parts, rows):
    return history.judge([event for part in parts for event in part], rows)


def test_a_store_that_keeps_its_word_is_not_blamed():
    result = verdict(put("a", "1"), increment(1), increment(2), put("b", "2"),
                     rows={"a": "1", "b": "2", "n": "2"})
    assert result == history.Verdict(acked=4)


def test_an_acknowledged_put_that_is_missing_is_lost():
    assert verdict(put("a", "1"), rows={}).lost == 1


def test_an_acknowledged_put_with_another_value_is_lost():
    assert verdict(put("a", "1"), rows={"a": "0"}).lost == 1


def test_an_acknowledged_increment_that_is_missing_in_the_end_is_lost():
    assert verdict(increment(1), increment(2), rows={"n": "1"}).lost == 1


def test_an_increment_that_answers_the_same_number_twice_is_lost():
    assert verdict(increment(1), increment(1), rows={"n": "1"}).lost == 1


def test_an_increment_that_jumps_is_repeated():
    result = verdict(increment(1), increment(3), rows={"n": "3"})
    assert (result.repeated, result.lost) == (1, 0)


def test_an_increment_that_is_applied_again_after_the_last_answer_is_repeated():
    assert verdict(increment(1), rows={"n": "2"}).repeated == 1


def test_a_repetition_does_not_hide_a_loss():
    result = verdict(increment(2), increment(3), rows={"n": "2"})
    assert (result.repeated, result.lost) == (1, 1)


def test_a_write_of_unknown_outcome_may_be_there_or_not():
    for there in ({"a": "1", "n": "2"}, {"n": "1"}):
        result = verdict(put("a", "1", "info"), increment(1), increment(None, "info"), rows=there)
        assert result == history.Verdict(acked=1, unknown=2)


def test_a_write_of_unknown_outcome_may_not_be_there_twice():
    assert verdict(increment(1), increment(None, "info"), rows={"n": "3"}).repeated == 1


def test_a_denied_put_that_is_there_is_a_phantom():
    assert verdict(put("a", "1", "fail"), rows={"a": "1"}).phantom == 1


def test_a_denied_increment_that_is_there_counts_as_repeated():
    assert verdict(increment(1), increment(None, "fail"), rows={"n": "2"}).repeated == 1


def test_a_row_that_nobody_wrote_is_a_phantom():
    assert verdict(rows={"x": "1"}).phantom == 1


def write(process, begin, end, index, kind="ok"):
    """A write from begin to end, in milliseconds; its events have the indexes given."""
    return [{"index": index[0], "time": begin * MS, "type": "invoke", "process": process},
            {"index": index[1], "time": end * MS, "type": kind, "process": process}]


def test_the_longest_wait_is_of_writes_under_way_between_the_faults():
    events = [*write(0, 0, 900, (0, 1)), *write(1, 500, 700, (2, 5)),
              *write(2, 650, 950, (4, 7)), *write(3, 960, 2000, (8, 9)),
              *write(4, 510, 5000, (3, 6), "info")]
    assert history.longest_wait(events, begin=3, end=6) == 300 * MS
    assert history.longest_wait(events, begin=3, end=4) == 200 * MS
    assert history.longest_wait(events, begin=10, end=11) == 0

"""The demo's figures are those of the fault, not of what came before and after."""

from cluster import compose_test, demo

MS = 1_000_000


def history_of(*lines):
    """Events from pairs of a time in milliseconds and a type or fault."""
    events = []
    for index, (time, kind) in enumerate(lines):
        event = {"index": index, "time": time * MS, "process": 0, "type": "ok"}
        if kind != "ok":
            event.update(process="nemesis", type="info", f=kind)
        events.append(event)
    return events


EVENTS = history_of((0, "ok"), (900, "ok"), (901, "kill"), (990, "ok"), (991, "restart"),
                    (1000, "ok"), (1500, "ok"))


def test_failover_is_the_longest_gap_from_the_kill_to_the_restart():
    assert demo.failover_milliseconds(EVENTS) == 90


def test_recovery_is_the_longest_gap_from_the_first_fault_on():
    assert compose_test.longest_recovery_milliseconds(EVENTS) == 500

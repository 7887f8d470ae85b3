"""The demo's figures are those of the fault, not of what came before and after."""

from cluster import compose_test, demo

MS = 1_000_000


def history_of(*lines):
    """Events from pairs of a time in milliseconds and a fault, or what a caller does."""
    events = []
    for index, (time, kind) in enumerate(lines):
        event = {"index": index, "time": time * MS, "process": 0, "type": kind}
        if kind not in ("ok", "invoke"):
            event.update(process="nemesis", type="info", f=kind)
        events.append(event)
    return events


EVENTS = history_of((0, "invoke"), (890, "ok"), (895, "invoke"), (901, "kill"), (990, "ok"),
                    (991, "restart"), (1000, "invoke"), (1500, "ok"))


def test_failover_is_the_longest_wait_from_the_kill_to_the_restart():
    assert demo.failover_milliseconds(EVENTS) == 95


def test_recovery_is_the_longest_wait_from_the_first_fault_on():
    assert compose_test.longest_recovery_milliseconds(EVENTS) == 500

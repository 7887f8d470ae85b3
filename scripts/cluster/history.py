"""What a recorded history and the final state of the store say about each other.

The histories are those of the program history_recorder (bench/recorded_writer.h): puts of keys that
nobody else writes, and increments by one of counters that one process alone uses. That makes the
verdict a matter of counting: no search, no doubt.
"""

import dataclasses
import json


@dataclasses.dataclass
class Verdict:
    """All zero but `acked` and `unknown` when the store kept its word."""

    acked: int = 0     # writes that were acknowledged
    unknown: int = 0   # writes of which the client could not tell
    lost: int = 0      # acknowledged writes that are missing in the end
    repeated: int = 0  # increments that were applied more than once
    phantom: int = 0   # writes that were denied, or never sent, and are there all the same


def read(path):
    """The events of a history file."""
    with open(path, encoding="utf-8") as lines:
        header = json.loads(next(lines))
        if header.get("format") != "flotilla-history/1":
            raise ValueError(f"{path} is no history of a known format: {header}")
        return [json.loads(line) for line in lines]


def operations(events):
    """Pairs of an invoke and its completion, in the order of the completions."""
    invoked = {}
    for event in events:
        if event["process"] == "nemesis":
            continue
        if event["type"] == "invoke":
            invoked[event["process"]] = event
        else:
            yield invoked.pop(event["process"]), event
    if invoked:
        raise ValueError(f"operations were never completed: {list(invoked.values())}")


def judge(events, rows):
    """Compares a history with `rows`: all keys of its run, with their values in the end."""
    verdict = Verdict()
    counters, puts = {}, {}
    for invoke, completion in operations(events):
        verdict.acked += completion["type"] == "ok"
        verdict.unknown += completion["type"] == "info"
        if completion["f"] == "increment":
            counter = counters.setdefault(completion["key"], _Counter(verdict))
            counter.complete(completion)
        else:
            puts[completion["key"]] = (completion["type"], invoke["value"])

    for key, counter in counters.items():
        counter.close(int(rows.get(key, 0)))
    for key, (outcome, value) in puts.items():
        verdict.lost += outcome == "ok" and rows.get(key) != value
        verdict.phantom += outcome == "fail" and key in rows
    verdict.phantom += len(rows.keys() - counters.keys() - puts.keys())
    return verdict


class _Counter:
    """Follows a counter that one process increments by one, each time after the last answer."""

    def __init__(self, verdict):
        self._verdict = verdict
        self._value = 0
        self._in_doubt = 0

    def complete(self, completion):
        if completion["type"] == "ok":
            self._compare(completion["value"], 1, 1)
            self._value = completion["value"]
        else:
            self._in_doubt += completion["type"] == "info"

    def close(self, value):
        self._compare(value, 0, self._in_doubt)

    def _compare(self, value, least, most):
        """It must have grown by `least` to `most` since it was last seen."""
        growth = value - self._value
        self._verdict.lost += max(0, least - growth)
        self._verdict.repeated += max(0, growth - most)


def longest_wait(events, begin, end):
    """The longest time that an acknowledged write took, of those under way between two events.

    The events are given by their indexes, the time is in nanoseconds. Whatever shard stands still,
    some caller soon waits for it.
    """
    return max((completion["time"] - invoke["time"]
                for invoke, completion in operations(events)
                if completion["type"] == "ok" and completion["index"] > begin
                and invoke["index"] < end), default=0)

"""The load of scripts/reshard-demo, and what it was answered when."""

import json
import statistics
import subprocess
import threading
import time

from cluster import processes
from cluster.local_cluster import PROGRAMS
from cluster.placement import RING_SLOTS

# Each half of each of 16 shards is watched by itself.
ARCS = 32
# Gaps below are not told of: the paced writes of an arc are 25 ms apart.
SHORTEST_GAP_MS = 30
BEGIN_SECONDS_MAX = 60
VERIFY_SECONDS_MAX = 200


class ReshardLoad:
    """Runs reshard_load; a context manager that leaves it ended."""

    def __init__(self, endpoints, log):
        self._command = [PROGRAMS / "reshard_load", "--endpoints", ",".join(endpoints),
                         "--arcs", ARCS, "--shortest-gap", SHORTEST_GAP_MS]
        self._log = log
        self._process = None
        self._reader = threading.Thread(target=self._read)
        self._begun = threading.Event()
        self._acked = {}   # by second
        self._gaps = []    # arc, from, to
        self._verdict = None

    def __enter__(self):
        self._process = processes.start(self._command, self._log, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader.start()
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()

    def wait_until_begun(self):
        if not self._begun.wait(BEGIN_SECONDS_MAX) or self._process.poll() is not None:
            raise RuntimeError(f"the load did not begin:\n{processes.tail(self._log)}")

    def finish(self):
        """Ends the load and has all of it read back; returns the verdict."""
        self._process.stdin.close()
        self._process.wait(VERIFY_SECONDS_MAX)
        self._reader.join()
        if self._process.returncode != 0 or self._verdict is None:
            raise RuntimeError(f"the load failed:\n{processes.tail(self._log)}")
        return self._verdict

    @property
    def rate(self):
        """Acknowledged writes in the last whole second."""
        return self._acked.get(int(time.monotonic()) - 1, 0)

    def median_rate(self, windows, without=()):
        """The median of the seconds that are wholly in one of `windows`, and not in `without`."""
        inside = [count for second, count in self._acked.items()
                  if any(begin <= second and second + 1 <= end for begin, end in windows)
                  and not any(begin < second + 1 and second < end for begin, end in without)]
        return statistics.median(inside) if inside else 0

    def longest_gap_ms(self, begin, end, first_slot=0, last_slot=RING_SLOTS - 1, without=()):
        """Of any arc that has some of these slots. What only reaches into the time counts whole.

        `without`: gaps that reach into these times have another cause.
        """
        size = RING_SLOTS // ARCS
        arcs = range(first_slot // size, last_slot // size + 1)
        gaps = [until - since for arc, since, until in self._gaps
                if arc in arcs and since < end and until > begin
                and not any(since < other_end and until > other_begin
                            for other_begin, other_end in without)]
        return round(1000 * max(gaps), 1) if gaps else SHORTEST_GAP_MS

    def longest_gaps(self, count):
        """Begin, end and slots of the longest gaps of all."""
        size = RING_SLOTS // ARCS
        longest = sorted(self._gaps, key=lambda gap: gap[1] - gap[2])[:count]
        return [(since, until, f"{arc * size}-{(arc + 1) * size - 1}")
                for arc, since, until in longest]

    def _read(self):
        for line in self._process.stdout:
            if not line.strip():
                self._begun.set()
                continue
            event = json.loads(line)
            if "second" in event:
                self._acked[event["second"]] = event["acked"]
            elif "arc" in event:
                self._gaps.append((event["arc"], event["from"], event["to"]))
            else:
                self._verdict = event
        self._begun.set()

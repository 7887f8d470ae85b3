"""What shards cost: a split under load, the move of a replica, and shards that have nothing to do.

Usage: scripts/bench-shards. SIZE_MB= sets the size of the shard (1000). The last line is JSON:

  split_pause_ms      the longest time around the split in which small puts to one half of the ring,
                      sent at a steady pace, got no acknowledgement
  move_s              of `flotilla shard move`, from its start to its end
  move_rss_growth_mb  of the node that grew most during the move, from before to its peak
  idle_cpu_percent    of one core, by the busiest of the three nodes
"""

import json
import os
import pathlib
import subprocess
import tempfile
import threading
import time

from cluster import processes
from cluster.local_cluster import PROGRAMS, LocalCluster, plan, temporary_parent
from cluster.placement import shards_of

SIZE_MB = 1000
IDLE_SHARDS = 64
IDLE_SECONDS = 20
SETTLE_SECONDS = 5
# After the split the longest pause may still come, when the new shard's followers are made.
AFTER_SPLIT_SECONDS = 3
QUIET_CPU_PERCENT = 20
QUIET_SECONDS_MAX = 60
FILL_SECONDS_MAX = 400
MOVE_SECONDS_MAX = 300
SHARD = 1
# A balancer would give the newcomer its share by itself.
ONE_SHARD = ["--shards=1", "--balance=false"]


def say(text):
    print(text, flush=True)


class Probe:
    """The small puts; a context manager that leaves them ended."""

    def __init__(self, cluster, log):
        self._command = [PROGRAMS / "shard_load", "probe",
                         "--endpoints", ",".join(cluster.endpoints)]
        self._log = log
        self._process = None

    def __enter__(self):
        self._process = processes.start(self._command, self._log, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        processes.stop(self._process)

    def longest_ms(self):
        """The longest time without an answer since the last call, of each half of the ring."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load ended:\n{processes.tail(self._log)}")
        lower, upper = json.loads(line).values()
        if lower["failed"] or upper["failed"]:
            raise RuntimeError(f"puts failed: {line}")
        return lower["longest_ms"], upper["longest_ms"]


class PeakMemory:
    """The largest growth of any process while the block runs; in MB, once it has ended."""

    def __init__(self, pids):
        self._before = {pid: processes.memory_bytes(pid) for pid in pids}
        self._growth = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self):
        self._watcher.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._watcher.join()

    @property
    def mb(self):
        return self._growth / 1e6

    def _watch(self):
        while not self._ended.wait(0.05):
            for pid, before in self._before.items():
                self._growth = max(self._growth, processes.memory_bytes(pid) - before)


def fill(cluster, size_mb, log):
    """Puts so much into the cluster."""
    process = processes.start(
        [PROGRAMS / "shard_load", "fill", "--endpoints", ",".join(cluster.endpoints),
         "--bytes", size_mb * 1_000_000], log, text=True, stdout=subprocess.PIPE)
    began = time.monotonic()
    try:
        for line in process.stdout:
            seconds = time.monotonic() - began
            say(f"  {int(line) / 1e6:6.0f} MB after {seconds:4.0f} s")
            if seconds > FILL_SECONDS_MAX:
                raise TimeoutError(f"no {size_mb} MB within {FILL_SECONDS_MAX} s")
        if process.wait(30) != 0:
            raise RuntimeError(f"the load failed:\n{processes.tail(log)}")
    finally:
        processes.stop(process)


def cpu_percents(pids, seconds):
    """Of one core, of each process, on average over so long."""
    before = [processes.cpu_seconds(pid) for pid in pids]
    time.sleep(seconds)
    return [100 * (processes.cpu_seconds(pid) - spent) / seconds
            for pid, spent in zip(pids, before)]


def wait_until_quiet(cluster):
    """Until the engines have compacted what there was; for a while at most."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    while max(cpu_percents(cluster.pids, 2)) > QUIET_CPU_PERCENT:
        if time.monotonic() > deadline:
            say(f"  not quiet within {QUIET_SECONDS_MAX} s; going on")
            return


def measure_move(cluster, newcomer):
    """A replica of the shard goes to a node that has none."""
    shard = shards_of(cluster)[SHARD]
    cluster.join(newcomer)
    source = next(replica["node_id"] for replica in shard["replicas"]
                  if replica["role"] != "leader")
    say(f"moving a replica of {shard['bytes'] / 1e6:.0f} MB "
        f"from node {source} to node {newcomer.node_id}")
    with PeakMemory(cluster.pids) as memory:
        report = json.loads(cluster.client.run(
            "shard", "move", SHARD, source, newcomer.node_id, "--json", timeout=MOVE_SECONDS_MAX))
    say(f"  {report['seconds']:.1f} s, {memory.mb:.0f} MB of memory")
    return {"move_bytes": shard["bytes"], "move_s": round(report["seconds"], 1),
            "move_rss_growth_mb": round(memory.mb)}


def measure_split(cluster, log):
    """The shard is cut in two while both halves are written to."""
    size = shards_of(cluster)[SHARD]["bytes"]
    with Probe(cluster, log) as probe:
        time.sleep(SETTLE_SECONDS)
        probe.longest_ms()
        time.sleep(SETTLE_SECONDS)
        say(f"splitting a shard of {size / 1e6:.0f} MB; "
            f"longest pause before it {max(probe.longest_ms()):.0f} ms")
        cluster.client.run("shard", "split", SHARD, "--at", 8192)
        time.sleep(AFTER_SPLIT_SECONDS)
        lower, upper = probe.longest_ms()
        time.sleep(SETTLE_SECONDS)
        say(f"  {lower:.0f} ms in the lower half, {upper:.0f} ms in the upper; "
            f"longest pause behind it {max(probe.longest_ms()):.0f} ms")
    return {"split_bytes": size, "split_pause_ms": round(max(lower, upper), 1)}


def split_into(cluster, count):
    """Splits all shards, one after the other, until there are so many."""
    known = sorted(shards_of(cluster))
    while len(known) < count:
        for shard in list(known):
            if len(known) == count:
                break
            split = json.loads(cluster.client.run("shard", "split", shard, "--json"))
            known.append(split["child"]["shard_id"])
        say(f"  {len(known)} shards")


def measure_idle(cluster, shards, seconds):
    """So many shards that nobody uses."""
    say(f"{shards} shards without load")
    split_into(cluster, shards)
    processes.wait_until(
        lambda: all(len(node["replicas"]) == shards for node in cluster.client.statuses().values()),
        60, "all nodes have a replica of every shard", pause=0.5)
    time.sleep(min(SETTLE_SECONDS, seconds))
    percents = cpu_percents(cluster.pids, seconds)
    memory = [processes.memory_bytes(pid) / 1e6 for pid in cluster.pids]
    say("  CPU " + ", ".join(f"{percent:.1f} %" for percent in percents) +
        "; memory " + ", ".join(f"{mb:.0f} MB" for mb in memory))
    return {"idle_replicas": shards, "idle_cpu_percent": round(max(percents), 1),
            "idle_rss_mb": round(max(memory))}


def measure(size_mb=SIZE_MB, idle_shards=IDLE_SHARDS, idle_seconds=IDLE_SECONDS):
    """All figures, by their names in the last line."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="flotilla-bench.", dir=temporary_parent()) as folder:
        *founders, newcomer = plan(folder, 4)
        log = pathlib.Path(folder) / "load.log"
        with LocalCluster(founders, ONE_SHARD) as cluster:
            cluster.client.leader()
            say(f"loading {size_mb} MB")
            fill(cluster, size_mb, log)
            wait_until_quiet(cluster)
            figures |= measure_move(cluster, newcomer)
            wait_until_quiet(cluster)
            figures = measure_split(cluster, log) | figures
    with tempfile.TemporaryDirectory(prefix="flotilla-bench.", dir=temporary_parent()) as folder:
        with LocalCluster(plan(folder), ONE_SHARD) as cluster:
            cluster.client.leader()
            figures |= measure_idle(cluster, idle_shards, idle_seconds)
    return figures


def main():
    figures = measure(size_mb=int(os.environ.get("SIZE_MB", SIZE_MB)))
    print(json.dumps(figures, separators=(",", ":")))


if __name__ == "__main__":
    processes.run_main(main)

"""Nodes come, go and die, shards split and move, all under load. Usage: scripts/reshard-demo

Three nodes with 16 shards are filled with SIZE_MB= (300) and put under a load of puts, increments
and scans. Two nodes join; shards are split; a node is drained and removed while the directory's
leader, and then a leader of shards, are killed and restarted; a node dies for good and another one
takes its place. The last line is JSON:

  acked, lost, repeated  writes; all acknowledged ones are read back in the end
  scan_errors            scans that failed, missed a key, or gave one twice or out of order
  moved_fraction         replica bytes that the two joins moved, of all; at best ideal_fraction
  imbalance              replicas of the fullest node to the mean, in the end
  split_shard_bytes      of the largest shard that was split
  split_pause_ms_max     the longest time without an acknowledged write to a half around a split
  move_pause_ms_p99      the 99th percentile, over all moves, of the longest such time in the shard
  throughput_ratio       acknowledged writes per second, median: while something is changed, without
                         5 seconds after each kill, to before
  kill_failover_ms_max   the longest time without an acknowledged write of any arc after a kill
  unserved_ms_max        the same over the whole run
"""

import contextlib
import json
import math
import os
import pathlib
import shutil
import sys
import tempfile
import time

from cluster import bench_shards, placement, processes
from cluster.local_cluster import LocalCluster, plan, temporary_parent
from cluster.reshard_load import ReshardLoad

SIZE_MB = 300
SHARDS = 16
SPLITS = 3
DEAD_AFTER_SECONDS = 20
BEFORE_SECONDS = 15
RESTART_AFTER_SECONDS = 6
AFTER_KILL_SECONDS = 5
FAILOVER_SECONDS_MAX = 15
# After a split the longest pause may still come, when the new shard's followers are made.
AFTER_SPLIT_SECONDS = 3
SETTLE_SECONDS_MAX = 180
FORGET_SECONDS_MAX = 60
# What is promised: moved bytes to the ideal, and writes per second to before.
MOVED_MAX = 1.05
THROUGHPUT_MIN = 0.7
# After all changes, to compare pauses with.
REST_SECONDS = 15
# The directory's leader looks five times a second; what it sees may be a second old.
QUIET_SECONDS = 2


def say(text):
    print(text, flush=True)


def percentile_99(values):
    """Of sorted values."""
    return values[math.ceil(0.99 * len(values)) - 1]


class Settling:
    """Watches a cluster come to rest, and says how far it is."""

    def __init__(self, cluster, load, serving):
        self._cluster, self._load, self._serving = cluster, load, serving
        self._quiet_since = None
        self._say_at = 0
        self.problem = ""

    def is_over(self):
        self.problem = placement.unsettled(self._cluster, self._serving)
        if self.problem:
            self._quiet_since = None
            if time.monotonic() >= self._say_at:
                say(f"          {self._load.rate:5d} writes/s; {self.problem}")
                self._say_at = time.monotonic() + 3
            return False
        self._quiet_since = self._quiet_since or time.monotonic()
        return time.monotonic() - self._quiet_since > QUIET_SECONDS


class Run:
    """One cluster under load, and what was done to it when."""

    def __init__(self, cluster, load, nodes):
        """`nodes`: all that ever belong to it."""
        self.cluster, self.load, self._nodes = cluster, load, nodes
        self.figures = {}
        self._began = time.monotonic()
        self._changes = []  # (begin, end) of what was changed
        self._kills = []    # moments
        self._arcs = []     # (begin, shards) from when on they were so

    @contextlib.contextmanager
    def change(self, text):
        """Something is changed from here to there."""
        begin = time.monotonic()
        say(f"[{begin - self._began:5.0f} s] {text}")
        self._note_shards()
        yield
        self._changes.append((begin, time.monotonic()))
        say(f"        done in {time.monotonic() - begin:.0f} s; replicas by node: "
            f"{placement.replica_counts(self.cluster)}")

    def wait_until_settled(self, serving):
        """Until all is where it belongs and the balancer does nothing any more."""
        watch = Settling(self.cluster, self.load, serving)
        try:
            processes.wait_until(watch.is_over, SETTLE_SECONDS_MAX, "the cluster settles", 0.3)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; {watch.problem}") from error

    def wait_until_forgotten(self, node_id):
        processes.wait_until(lambda: node_id not in placement.nodes_of(self.cluster),
                             FORGET_SECONDS_MAX, f"node {node_id} is forgotten", 0.5)

    def kill(self, node_id, what):
        """SIGKILL, and until all shards are led by others."""
        say(f"          killing node {node_id}, {what}")
        self._kills.append(time.monotonic())
        self.cluster.kill(node_id)

        def led_elsewhere():
            leaders = {shard["leader_node_id"]
                       for shard in placement.shards_of(self.cluster).values()}
            directory = placement.directory_leader(self.cluster)
            return not leaders & {0, node_id} and directory not in (None, node_id)

        processes.wait_until(led_elsewhere, FAILOVER_SECONDS_MAX, "all shards are led again", 0.2)

    def kill_and_restart(self, node_id, what):
        self.kill(node_id, what)
        time.sleep(max(0, self._kills[-1] + RESTART_AFTER_SECONDS - time.monotonic()))
        say(f"          restarting node {node_id}")
        self.cluster.start(node_id)

    def join_two(self, newcomers):
        """Measures what the joins alone move."""
        before = placement.shards_of(self.cluster)
        begin = time.monotonic()
        with self.change("two nodes join"):
            for node in newcomers:
                self.cluster.nodes[node.node_id] = node
                self.cluster.start(node.node_id)
            self.wait_until_settled(self.cluster.nodes)
        bytes_of = {shard_id: shard["bytes"] for shard_id, shard in before.items()}
        moved = [bytes_of.get(step.shard, 0) for step in placement.steps_of(self._nodes)
                 if step.shard and step.begun >= begin]
        total = sum(bytes_of[shard_id] * len(shard["replicas"])
                    for shard_id, shard in before.items())
        say(f"        {len(moved)} replicas moved, {sum(moved) / 1e6:.0f} of {total / 1e6:.0f} MB")
        self.figures["moved_fraction"] = round(sum(moved) / total, 4)
        self.figures["ideal_fraction"] = round(len(newcomers) / len(self.cluster.nodes), 4)

    def split(self, count):
        """Splits the largest shards in the middle of their slots."""
        shards = sorted(placement.shards_of(self.cluster).values(),
                        key=lambda shard: -shard["bytes"])[:count]
        pauses = []
        for shard in shards:
            middle = (shard["first_slot"] + shard["last_slot"] + 1) // 2
            with self.change(f"splitting shard {shard['shard_id']}, "
                             f"{shard['bytes'] / 1e6:.0f} MB, at slot {middle}"):
                begin = time.monotonic()
                self.cluster.client.run("shard", "split", shard["shard_id"], "--at", middle)
                end = time.monotonic() + AFTER_SPLIT_SECONDS
                time.sleep(AFTER_SPLIT_SECONDS)
            pauses.append((begin, end, shard["first_slot"], shard["last_slot"]))
        with self.change("the balancer spreads the new shards"):
            self.wait_until_settled(self.cluster.nodes)
        self.figures["split_shard_bytes"] = shards[0]["bytes"]
        self.figures["split_pause_ms_max"] = max(
            self.load.longest_gap_ms(*pause) for pause in pauses)

    def drain_and_remove(self, node_id):
        """While the directory's leader, and then a leader of shards, die and come back."""
        with self.change(f"draining node {node_id}"):
            had = placement.replica_counts(self.cluster)[node_id]
            self.cluster.client.run("node", "drain", node_id)
            others = [other for other in self.cluster.nodes if other != node_id]
            for left, victim_of, what in (
                    (3 / 4, lambda: placement.directory_leader(self.cluster),
                     "which leads the directory"),
                    (1 / 3, lambda: placement.busiest_leader(self.cluster, node_id),
                     "which leads most shards")):
                processes.wait_until(
                    lambda left=left:
                    placement.replica_counts(self.cluster)[node_id] <= left * had,
                    SETTLE_SECONDS_MAX, f"node {node_id} is emptied", 0.2)
                self.kill_and_restart(victim_of(), what)
            self.wait_until_settled(others)
        with self.change(f"removing node {node_id}"):
            self.cluster.client.run("node", "remove", node_id)
            self.cluster.leave(node_id)
            self.wait_until_forgotten(node_id)

    def replace_dead(self, newcomer):
        """A node dies for good; another one takes its place."""
        with self.change(f"a node dies, node {newcomer.node_id} takes its place"):
            victim = placement.busiest_leader(self.cluster, None)
            self.kill(victim, "for good")
            del self.cluster.nodes[victim]
            self.cluster.nodes[newcomer.node_id] = newcomer
            self.cluster.start(newcomer.node_id)
            self.wait_until_settled(self.cluster.nodes)
            self.cluster.client.run("node", "remove", victim)
            self.wait_until_forgotten(victim)

    def measure_before(self):
        say(f"load alone for {BEFORE_SECONDS} s")
        begin = time.monotonic()
        time.sleep(BEFORE_SECONDS)
        self.figures["before"] = (begin, time.monotonic())

    def measure_rest(self):
        """What the same load meets with on the nodes that there are in the end."""
        say(f"load alone for {REST_SECONDS} s")
        begin = time.monotonic()
        time.sleep(REST_SECONDS)
        self.figures["rest"] = (begin, time.monotonic())

    def measure_imbalance(self):
        counts = [placement.replica_counts(self.cluster)[node_id] for node_id in self.cluster.nodes]
        self.figures["imbalance"] = round(max(counts) * len(counts) / sum(counts), 3)
        return max(counts) - min(counts) <= 1

    def judge(self, end):
        """The other figures, once the load has ended."""
        load, kills = self.load, self._kills
        after_kills = [(kill, kill + AFTER_KILL_SECONDS) for kill in kills]
        moves = list(self._moves(after_kills))
        pauses = sorted(load.longest_gap_ms(*move, without=after_kills) for move in moves)
        at_rest = sorted(load.longest_gap_ms(*move) for move in self._as_if_at_rest(moves))
        before = load.median_rate([self.figures.pop("before")])
        during = load.median_rate(self._changes, without=after_kills)
        say(f"acknowledged writes per second: {before:.0f} before, {during:.0f} meanwhile; "
            f"{len(pauses)} moves, pauses up to {percentile_99(pauses)} ms; "
            f"{percentile_99(at_rest)} ms in the same shards while nothing was changed")
        for since, until, slots in load.longest_gaps(3):
            steps = [step.text for step in placement.steps_of(self._nodes)
                     if step.begun < until and (step.ended or step.begun) > since]
            say(f"  {1000 * (until - since):4.0f} ms without an answer at "
                f"{since - self._began:.1f} s, slots {slots}: {', '.join(steps) or 'no step'}")
        self.figures |= {
            "move_pause_ms_p99": percentile_99(pauses),
            "throughput_ratio": round(during / before, 2),
            "kill_failover_ms_max": round(max(
                load.longest_gap_ms(kill, kill + AFTER_KILL_SECONDS) for kill in kills)),
            "unserved_ms_max": load.longest_gap_ms(self._began, end)}

    def _as_if_at_rest(self, moves):
        """The same shards for as long, spread over the time in which nothing was changed."""
        begin, end = self.figures.pop("rest")
        for index, (since, until, first_slot, last_slot) in enumerate(moves):
            length = min(until - since, end - begin)
            start = begin + (end - begin - length) * index / len(moves)
            yield start, start + length, first_slot, last_slot

    def _moves(self, without):
        """Begin, end and slots of all moves, but those in these times."""
        for step in placement.steps_of(self._nodes):
            if not step.shard or not step.done:
                continue
            if any(step.begun < end and step.ended > begin for begin, end in without):
                continue
            shards = [shards for since, shards in self._arcs if since <= step.begun][-1]
            if step.shard in shards:
                shard = shards[step.shard]
                yield step.begun, step.ended, shard["first_slot"], shard["last_slot"]

    def _note_shards(self):
        self._arcs.append((time.monotonic(), placement.shards_of(self.cluster)))


def show(folder, size_mb):
    """The demo itself; returns the last line and whether all is as promised."""
    nodes = plan(folder, 6)
    *founders, fourth, fifth, sixth = nodes
    flags = [f"--shards={SHARDS}", f"--dead-after={DEAD_AFTER_SECONDS}s"]
    with LocalCluster(founders, flags) as cluster:
        say(f"three nodes, {SHARDS} shards; loading {size_mb} MB")
        bench_shards.fill(cluster, size_mb, folder / "fill.log")
        with ReshardLoad(cluster.endpoints, folder / "load.log") as load:
            load.wait_until_begun()
            run = Run(cluster, load, nodes)
            run.measure_before()
            run.join_two([fourth, fifth])
            run.split(SPLITS)
            leader = placement.directory_leader(cluster)
            run.drain_and_remove(next(node.node_id for node in founders if node.node_id != leader))
            run.replace_dead(sixth)
            even = run.measure_imbalance()
            run.measure_rest()
            end = time.monotonic()
            say("ending the load and reading back what it was told")
            verdict = load.finish()
        run.judge(end)
    figures = run.figures
    line = {name: verdict[name] for name in ("acked", "lost", "repeated", "scan_errors")}
    line |= {name: figures[name] for name in (
        "moved_fraction", "ideal_fraction", "imbalance", "split_shard_bytes",
        "split_pause_ms_max", "move_pause_ms_p99", "throughput_ratio", "kill_failover_ms_max",
        "unserved_ms_max")}
    good = verdict["lost"] + verdict["repeated"] + verdict["scan_errors"] == 0
    good &= line["moved_fraction"] <= MOVED_MAX * line["ideal_fraction"]
    good &= even and line["throughput_ratio"] >= THROUGHPUT_MIN
    return line, good


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flotilla-demo.", dir=temporary_parent()))
    kept = True
    try:
        line, good = show(folder, int(os.environ.get("SIZE_MB", SIZE_MB)))
        kept = not good
    finally:
        if kept:
            print(f"reshard-demo: what happened is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    print(json.dumps(line, separators=(",", ":")))
    return 0 if good else 1


if __name__ == "__main__":
    processes.run_main(main)

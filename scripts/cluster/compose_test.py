"""The docker-compose cluster under faults. Usage: scripts/compose-test

Kills and restarts every container and cuts every one off the network, one after the other, under a
load of puts and increments; then compares what is there with what was acknowledged. A project of
its own, with free ports: two can run at once. The last line is JSON; without Docker the exit code
is 3.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from cluster import history, processes
from cluster.compose_cluster import NODES, ComposeCluster, compose_program
from cluster.local_cluster import ROOT
from cluster.recorder import Recorder

HISTORY = "/var/tmp/history.jsonl"
LOAD_PREFIX = "load/"
ACKS_BETWEEN_FAULTS = 1000
WAIT_SECONDS_MAX = 60
NO_DOCKER = 3


def say(text):
    print(text, flush=True)


def try_by_hand(cluster):
    """A write through one node and a read through another."""
    cluster.client.run("put", "greeting", "hello")
    code, output = cluster.run_inside(2, "flotilla", "-o", "raw", "get", "greeting")
    if code != 0 or output.strip() != "hello":
        raise RuntimeError(f"node 2 does not return what was written: {output}")


def kill(cluster, load, node_id):
    cluster.kill(node_id)
    load.note("kill", NODES[node_id])
    say(f"killed {NODES[node_id]}")
    load.wait_for_more(ACKS_BETWEEN_FAULTS, WAIT_SECONDS_MAX)
    load.note("restart", NODES[node_id])
    cluster.start(node_id)
    recover(cluster, load, node_id)


def cut(cluster, load, node_id):
    cluster.cut(node_id)
    load.note("partition-start", NODES[node_id])
    say(f"cut {NODES[node_id]} off")
    load.wait_for_more(ACKS_BETWEEN_FAULTS, WAIT_SECONDS_MAX)
    code, output = cluster.run_inside(node_id, "flotilla", "--timeout", "2s", "put", "alone", "1")
    if code == 0:
        raise RuntimeError(f"{NODES[node_id]} took a write although it is alone: {output}")
    load.note("partition-stop", NODES[node_id])
    cluster.mend(node_id)
    recover(cluster, load, node_id)


def recover(cluster, load, node_id):
    """Until the node is back, and the others have gone on meanwhile."""
    cluster.wait_healthy(node_id)
    cluster.client.wait_until_caught_up(node_id)
    load.wait_for_more(ACKS_BETWEEN_FAULTS, WAIT_SECONDS_MAX)
    say(f"{NODES[node_id]} is back and has caught up")


def break_everything(cluster, folder):
    """Each node once by each fault, the leader before others; the load's history."""
    command = [*cluster.command("history_recorder"), "--endpoints", ",".join(cluster.endpoints),
               "--prefix", LOAD_PREFIX, "--output", HISTORY]
    with Recorder(command, folder / "history.log") as load:
        load.wait_for_more(ACKS_BETWEEN_FAULTS, WAIT_SECONDS_MAX)
        for fault in (kill, cut):
            whole = set(NODES)
            while whole:
                leader = cluster.client.leader()
                node_id = leader if leader in whole else min(whole)
                whole.remove(node_id)
                fault(cluster, load, node_id)
        load.finish()
    cluster.fetch(HISTORY, folder / "history.jsonl")
    return history.read(folder / "history.jsonl")


def longest_recovery_milliseconds(events):
    """The longest that a write took, from the first fault to the end."""
    first = next(event["index"] for event in events if event["process"] == "nemesis")
    return round(history.longest_wait(events, first, events[-1]["index"]) / 1e6)


def test(compose, folder):
    """The last line, and whether all is as promised."""
    with ComposeCluster(compose, f"flotilla-test-{os.getpid()}") as cluster:
        say("three nodes are up")
        try_by_hand(cluster)
        events = break_everything(cluster, folder)
        cluster.client.wait_until_all_agree(len(NODES))
        verdict = history.judge(events, cluster.client.rows(LOAD_PREFIX))
    faults = [event["f"] for event in events if event["process"] == "nemesis"]
    say(f"{verdict}")
    line = {"nodes": len(NODES), "acked": verdict.acked, "lost": verdict.lost,
            "repeated": verdict.repeated, "kills": faults.count("kill"),
            "cuts": faults.count("partition-start"),
            "recovery_ms_max": longest_recovery_milliseconds(events)}
    return line, verdict.lost + verdict.repeated + verdict.phantom == 0


def main():
    compose = compose_program()
    if not compose:
        print("compose-test: Docker does not answer, or docker-compose is not installed",
              file=sys.stderr)
        return NO_DOCKER
    subprocess.run([ROOT / "scripts" / "image"], check=True)
    subprocess.run([ROOT / "scripts" / "build", "release", "history_recorder"], check=True)
    with tempfile.TemporaryDirectory(prefix="flotilla-compose.") as folder:
        line, good = test(compose, pathlib.Path(folder))
    print(json.dumps(line, separators=(",", ":")))
    return 0 if good else 1


if __name__ == "__main__":
    processes.run_main(main)

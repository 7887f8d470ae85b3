"""Three nodes, a real data set, a killed leader: see it work. Usage: scripts/demo

Everything runs on loopback, on free ports and in a temporary folder; nothing is left behind. The
last line is JSON.
"""

import contextlib
import json
import pathlib
import shutil
import sys
import tempfile
import time

from cluster import history, packages, placement, processes
from cluster.client import BULK_SECONDS_MAX
from cluster.local_cluster import PROGRAMS, LocalCluster, plan, temporary_parent
from cluster.recorder import Recorder

PACKAGE_PREFIX = "package/"
LOAD_PREFIX = "load/"
# A read of many keys at once; the server's limit.
KEYS_PER_READ = 1000
ACKS_BEFORE_KILL = 10_000
ACKS_AFTER_KILL = 20_000
WAIT_SECONDS_MAX = 60


def say(text):
    print(text, flush=True)


@contextlib.contextmanager
def step(text):
    """Says what is done and how long it took."""
    start = time.monotonic()
    print(f"{text} ...", end=" ", flush=True)
    yield
    say(f"{time.monotonic() - start:.1f} s")


def import_packages(cluster, folder):
    """Puts the machine's package index into the store; returns what should be there now."""
    rows = {PACKAGE_PREFIX + name: stanza for name, stanza in packages.records()}
    file = folder / "packages.jsonl"
    packages.write_as_json_lines(rows, file)
    say(f"importing {len(rows):,} packages ({file.stat().st_size / 1e6:.0f} MB) ...")
    cluster.client.run("import", file, timeout=BULK_SECONDS_MAX)
    return rows


def verify_packages(cluster, rows):
    """How many records a scan and reads by key both give back as they were."""
    with step("scanning them back in key order"):
        scanned = cluster.client.rows(PACKAGE_PREFIX)
    if list(scanned) != sorted(rows, key=str.encode):
        say("the scan gave other keys, or another order, than was imported")
    with step("reading each by its key"):
        keys, found = list(rows), {}
        for first in range(0, len(keys), KEYS_PER_READ):
            found.update(cluster.client.values(keys[first:first + KEYS_PER_READ]))
    return sum(scanned.get(key) == value and found.get(key) == value
               for key, value in rows.items())


def kill_leader_under_load(cluster, folder):
    """Kills and restarts the node that leads most while the load goes on; the load's history."""
    output = folder / "history.jsonl"
    command = [PROGRAMS / "history_recorder", "--endpoints", ",".join(cluster.endpoints),
               "--prefix", LOAD_PREFIX, "--output", output]
    with Recorder(command, folder / "history.log") as load:
        say("starting a load of puts and increments")
        load.wait_for_more(ACKS_BEFORE_KILL, WAIT_SECONDS_MAX)
        victim = cluster.client.leader()
        cluster.kill(victim)
        load.note("kill", f"node {victim}")
        say(f"killed node {victim}, which led most shards, after {load.acked:,} acknowledged "
            "writes")
        load.wait_for_more(ACKS_AFTER_KILL, WAIT_SECONDS_MAX)
        cluster.client.leader()
        say(f"others lead its shards now, the service goes on: {load.acked:,} acknowledged writes")
        load.note("restart", f"node {victim}")
        cluster.start(victim)
        with step(f"node {victim} is restarted and catches up under load"):
            cluster.wait_ready()
            cluster.client.wait_until_caught_up(victim)
        load.finish()
    return history.read(output)


def failover_milliseconds(events):
    """The longest that a write took from the kill until the restart."""
    faults = {event["f"]: event["index"] for event in events if event["process"] == "nemesis"}
    return round(history.longest_wait(events, faults["kill"], faults["restart"]) / 1e6)


def show(folder):
    """The demo itself; returns the last line and whether all is as promised."""
    with contextlib.ExitStack() as stack:
        with step("starting three nodes"):
            cluster = stack.enter_context(LocalCluster(plan(folder)))
            cluster.client.leader()
        say(f"{len(placement.shards_of(cluster))} shards are led; endpoints "
            f"{','.join(cluster.endpoints)}")
        rows = import_packages(cluster, folder)
        verified = verify_packages(cluster, rows)
        events = kill_leader_under_load(cluster, folder)
        last = cluster.client.wait_until_all_agree(len(cluster.nodes))
        say(f"all nodes have applied the same logs, {last:,} entries")
        with step("reading back what the load wrote"):
            verdict = history.judge(events, cluster.client.rows(LOAD_PREFIX))
    line = {"nodes": len(cluster.nodes), "imported": len(rows), "verified": verified,
            "acked": verdict.acked, "lost": verdict.lost, "repeated": verdict.repeated,
            "failover_ms": failover_milliseconds(events)}
    broken = verdict.lost + verdict.repeated + verdict.phantom
    return line, broken == 0 and verified == len(rows) and verdict


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flotilla-demo.", dir=temporary_parent()))
    kept = True
    try:
        line, good = show(folder)
        kept = not good
    except SystemExit:
        kept = False
        raise
    finally:
        if kept:
            print(f"demo: what happened is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    print(json.dumps(line, separators=(",", ":")))
    return 0 if good else 1


if __name__ == "__main__":
    processes.run_main(main)

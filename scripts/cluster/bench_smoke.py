"""Puts per second beside etcd, in turns, on this machine. Usage: scripts/bench-smoke

Three nodes of each, fsync on, fresh folders on a real disk for each round, nothing else running of
either. The last line is JSON; every figure is the median of the rounds.
"""

import contextlib
import json
import pathlib
import statistics
import subprocess
import tempfile

from cluster import etcd, processes
from cluster.local_cluster import PROGRAMS, LocalCluster, plan, temporary_parent

CALLERS = 256
CONNECTIONS = 16
ROUNDS = 3
WARM_UP_SECONDS = 3
MEASURED_SECONDS = 8
# The load generator's figures that are reported, by their name in the last line.
FIGURES = {"per_s": ("put_per_s", 0), "p50_ms": ("put_p50_ms", 2), "p99_ms": ("put_p99_ms", 2),
           "server_cpu_us": ("cpu_us_per_put", 1)}


@contextlib.contextmanager
def flotilla_target(folder):
    """Arguments of the load generator for a fresh cluster."""
    with LocalCluster(plan(folder)) as cluster:
        cluster.client.leader()
        yield ["--store", "flotilla", "--endpoints", ",".join(cluster.endpoints),
               "--style", "threads", "--server-pids", ",".join(map(str, cluster.pids))]


@contextlib.contextmanager
def etcd_target(folder):
    """The same for etcd, served best: calls to the leader, and callers without threads."""
    with etcd.EtcdCluster(etcd.program(), folder) as cluster:
        yield ["--store", "etcd", "--endpoints", cluster.leader_endpoint(),
               "--connections", str(CONNECTIONS),
               "--style", "events", "--server-pids", ",".join(map(str, cluster.pids))]


TARGETS = {"flotilla": flotilla_target, "etcd": etcd_target}


def measure(target):
    """One round on a cluster of its own; the load generator's report."""
    with tempfile.TemporaryDirectory(prefix="flotilla-bench.", dir=temporary_parent()) as folder:
        with target(pathlib.Path(folder)) as arguments:
            output = subprocess.run(
                [PROGRAMS / "load_generator", *arguments, "--callers", str(CALLERS),
                 "--key-bytes", "16", "--value-bytes", "256",
                 "--warm-up", str(WARM_UP_SECONDS), "--seconds", str(MEASURED_SECONDS)],
                stdout=subprocess.PIPE, text=True, check=True,
                timeout=10 * (WARM_UP_SECONDS + MEASURED_SECONDS)).stdout
    report = json.loads(output)
    if report["failures"]:
        raise RuntimeError(f"puts failed: {report}")
    return report


def median(reports, figure, digits):
    value = statistics.median(report[figure] for report in reports)
    return round(value, digits) if digits else round(value)


def summary(anchor, reports):
    """The last line: `reports` are lists of the load generator's reports by store."""
    line = {"anchor": anchor, "callers": CALLERS}
    for store, prefix in (("flotilla", ""), ("etcd", "etcd_")):
        for figure, (name, digits) in FIGURES.items():
            line[prefix + name] = median(reports[store], figure, digits)
    line["ratio"] = round(line["put_per_s"] / line["etcd_put_per_s"], 2)
    return line


def main():
    anchor = f"etcd {etcd.version(etcd.program())}"
    reports = {store: [] for store in TARGETS}
    for number in range(1, ROUNDS + 1):
        for store, target in TARGETS.items():
            report = measure(target)
            reports[store].append(report)
            print(f"round {number} {store:8} {report['per_s']:8.0f} puts/s  "
                  f"p50 {report['p50_ms']:6.2f} ms  p99 {report['p99_ms']:6.2f} ms  CPU per put: "
                  f"servers {report['server_cpu_us']:.1f} us, generator "
                  f"{report['generator_cpu_us']:.1f} us", flush=True)
    print(json.dumps(summary(anchor, reports), separators=(",", ":")))


if __name__ == "__main__":
    processes.run_main(main)

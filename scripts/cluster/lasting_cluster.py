"""A local cluster of three nodes that stays. Usage: scripts/up, scripts/down [--delete]

Its data and logs are in ${XDG_STATE_HOME:-~/.local/state}/flotilla/cluster, or in the folder that
FLOTILLA_CLUSTER_DIR names. They stay, too: the next `up` goes on with them, unless `down --delete`
removed them.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal

from cluster import addresses, processes
from cluster.local_cluster import PROGRAMS, LocalCluster, Node, plan

HOST = "127.0.0.1"
# As in docker-compose.yml; the first are the defaults of node and client.
PORTS = {1: (6170, 6171, 6172), 2: (6270, 6271, 6272), 3: (6370, 6371, 6372)}
STOP_SECONDS_MAX = 30


def state_folder():
    base = os.environ.get("XDG_STATE_HOME") or pathlib.Path.home() / ".local" / "state"
    default = pathlib.Path(base) / "flotilla" / "cluster"
    return pathlib.Path(os.environ.get("FLOTILLA_CLUSTER_DIR") or default)


class Record:
    """What is kept between `up` and `down`: the nodes, and the processes that were started.

    A process is known by its identity as well, so that a number that belongs to another process by
    now, after a crash or a reboot, is left alone.
    """

    def __init__(self, folder):
        self._path = folder / "cluster.json"
        self.nodes, self._started = [], {}
        if self._path.exists():
            content = json.loads(self._path.read_text(encoding="utf-8"))
            self.nodes = [Node(**{**node, "folder": pathlib.Path(node["folder"])})
                          for node in content["nodes"]]
            self._started = {int(pid): who for pid, who in content["processes"].items()}

    def running(self):
        """The process ids that are still those processes."""
        return [pid for pid, who in self._started.items() if processes.identity(pid) == who]

    def delete(self):
        """Removes the nodes' data and the record; nothing else, wherever the folder is."""
        for node in self.nodes:
            shutil.rmtree(node.folder, ignore_errors=True)
        self._path.unlink(missing_ok=True)

    def save(self, nodes, pids):
        self.nodes = nodes
        self._started = {pid: processes.identity(pid) for pid in pids}
        content = {"nodes": [{**vars(node), "folder": str(node.folder)} for node in nodes],
                   "processes": self._started}
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(content, indent=2), encoding="utf-8")
        scratch.rename(self._path)


def plan_with_known_ports(folder):
    """The usual ports, or others where one of these is taken."""
    nodes = [Node(number, HOST, *ports, folder / f"node{number}")
             for number, ports in PORTS.items()]
    if all(addresses.is_free(HOST, port) for ports in PORTS.values() for port in ports):
        return nodes
    print("up: one of the ports 6170 to 6372 is taken; using others")
    return plan(folder)


def up(folder):
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(folder)
    if len(record.running()) == len(PORTS):
        print("up: the cluster is running already")
        print_what_to_try(record.nodes)
        return
    if record.running():
        stop(record)
    nodes = record.nodes or plan_with_known_ports(folder)
    cluster = LocalCluster(nodes)
    try:
        cluster.start_all(outlive=True)
        record.save(nodes, cluster.pids)
        cluster.wait_ready()
    except BaseException:
        cluster.kill_all()
        raise
    print("up: three nodes are ready; data and logs are in", folder)
    print_what_to_try(nodes)


def print_what_to_try(nodes):
    program = os.path.relpath(PROGRAMS / "flotilla")
    if nodes[0].client != f"{HOST}:{PORTS[1][0]}":
        program += f" --endpoints {nodes[0].client}"
    print(f"""
Try:
  {program} put greeting hello
  {program} get greeting
  {program} incr visits
  {program} scan
  {program} cluster status
  curl http://{nodes[0].http}/metrics
  make down""")


def down(folder, delete):
    record = Record(folder)
    if record.running():
        stop(record)
        print("down: the cluster is stopped")
    else:
        print("down: no cluster is running")
    if delete:
        record.delete()


def stop(record):
    for pid in record.running():
        os.kill(pid, signal.SIGTERM)
    try:
        processes.wait_until(lambda: not record.running(), STOP_SECONDS_MAX, "all nodes stop")
    except TimeoutError:
        for pid in record.running():
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def only_one(folder):
    """One `up` or `down` at a time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("direction", choices=["up", "down"])
    parser.add_argument("--delete", action="store_true", help="with down: remove its data, too")
    arguments = parser.parse_args()
    folder = state_folder()
    with only_one(folder):
        if arguments.direction == "up":
            up(folder)
        else:
            down(folder, arguments.delete)


if __name__ == "__main__":
    processes.run_main(main)

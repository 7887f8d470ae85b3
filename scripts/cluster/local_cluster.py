"""Three nodes as processes on loopback."""

import contextlib
import dataclasses
import os
import pathlib
import signal

from cluster import addresses, processes
from cluster.client import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("FLOTILLA_BUILD_DIR", ROOT / "build" / "release")) / "bin"
READY_SECONDS_MAX = 60


def temporary_parent():
    """Where data goes that must meet a real disk: /tmp is memory on many machines."""
    return os.environ.get("TMPDIR", "/var/tmp")


@dataclasses.dataclass(frozen=True)
class Node:
    """Where a node lives: what must stay the same from one start to the next."""

    node_id: int
    host: str
    client_port: int
    peer_port: int
    http_port: int
    folder: pathlib.Path

    @property
    def client(self):
        return f"{self.host}:{self.client_port}"

    @property
    def peer(self):
        return f"{self.host}:{self.peer_port}"

    @property
    def http(self):
        return f"{self.host}:{self.http_port}"

    @property
    def log(self):
        return self.folder / "log.jsonl"

    def command(self, peers, founders=None):
        """The same line serves first start, restart and joining.

        `founders`: how many nodes the cluster began with; all `peers` when not given.
        """
        return [PROGRAMS / "flotillad", f"--node-id={self.node_id}",
                f"--data-dir={self.folder / 'data'}", f"--join={','.join(peers)}",
                f"--initial-nodes={founders or len(peers)}", f"--listen-client={self.client}",
                f"--listen-peer={self.peer}", f"--listen-http={self.http}"]

    def is_ready(self):
        return bool(addresses.http_get(self.http, "/readyz"))


def plan(folder, count=3):
    """Nodes with free ports on a loopback address of their own."""
    host = addresses.free_loopback_host()
    ports = addresses.free_ports(host, 3 * count)
    return [Node(number, host, *ports[3 * (number - 1):3 * number],
                 pathlib.Path(folder) / f"node{number}") for number in range(1, count + 1)]


class LocalCluster:
    """Starts, kills and restarts nodes; a context manager that leaves none running.

    Nodes in the plural are by node id. `flags` are for every node.
    """

    def __init__(self, nodes, flags=()):
        self.nodes = {node.node_id: node for node in nodes}
        self._founders = len(self.nodes)
        self._flags = flags
        self._processes = {}

    @property
    def client(self):
        return Client([PROGRAMS / "flotilla"], self.endpoints)

    @property
    def endpoints(self):
        return [node.client for node in self.nodes.values()]

    @property
    def running(self):
        """The nodes that run."""
        return {node_id: self.nodes[node_id] for node_id in self._processes}

    @property
    def pids(self):
        return [process.pid for process in self._processes.values()]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.kill_all)
            self.start_all()
            self.wait_ready()
            stack.pop_all()
        return self

    def __exit__(self, *_):
        self.kill_all()

    def start_all(self, outlive=False):
        for node_id in self.nodes:
            self.start(node_id, outlive)

    def start(self, node_id, outlive=False):
        node = self.nodes[node_id]
        node.folder.mkdir(parents=True, exist_ok=True)
        peers = [other.peer for other in self.nodes.values()]
        self._processes[node_id] = processes.start(
            [*node.command(peers, self._founders), *self._flags], node.log, outlive)

    def join(self, node):
        """Starts one more node, until the cluster knows it. It has no replica yet."""
        self.nodes[node.node_id] = node
        self.start(node.node_id)
        processes.wait_until(
            lambda: self.client.phases().get(node.node_id) == "serving",
            READY_SECONDS_MAX, f"node {node.node_id} joins")

    def wait_ready(self):
        """Until every node says that it is ready; RuntimeError as soon as one has ended instead."""
        def all_ready():
            self._require_running()
            return all(node.is_ready() for node in self.nodes.values())

        processes.wait_until(all_ready, READY_SECONDS_MAX, "all nodes get ready")

    def kill(self, node_id):
        """SIGKILL: what a node has not synced by now, it never will."""
        process = self._processes.pop(node_id)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def leave(self, node_id):
        """Stops a node, which does not belong to the cluster any more."""
        code = processes.stop(self._processes.pop(node_id))
        node = self.nodes.pop(node_id)
        if code != 0:
            raise RuntimeError(f"node {node_id} ended with {code}:\n{processes.tail(node.log)}")

    def kill_all(self):
        for node_id in list(self._processes):
            self.kill(node_id)

    def _require_running(self):
        for node_id, process in self._processes.items():
            if process.poll() is not None:
                node = self.nodes[node_id]
                raise RuntimeError(f"node {node_id} ended with {process.returncode}:\n"
                                   f"{processes.tail(node.log)}")

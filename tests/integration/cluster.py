"""Nodes as real processes on loopback, on free ports, in folders of the test."""

import contextlib
import json
import random
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import grpc

from api import api

START_SECONDS = 60
# Segments are filled with zeros when they are made; large ones would be most of a test's time.
SMALL_LOG = ("--log.segment-size=4MiB",)


def wait_until(condition, what, seconds=START_SECONDS):
    """Polls until `condition()` is true, and returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.02)


def free_ports(count):
    """Below the ephemeral range, so that no outgoing connection takes one before its node does."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Node:
    """One flotillad. Started by hand, stopped by the fixture that made it."""

    def __init__(self, program, number, folder, ports, join, flags=()):
        self.number = number
        self.folder = folder
        self.client, self.peer, self.http = (f"127.0.0.1:{port}" for port in ports)
        self.log_path = folder.parent / f"{folder.name}.log"
        standard = [
            "--balance=false", "--shards=1", f"--node-id={number}",
            f"--data-dir={folder}", f"--join={join}",
            f"--listen-client={self.client}", f"--listen-peer={self.peer}",
            f"--listen-http={self.http}", *SMALL_LOG]
        # A flag must not be given twice: a test's own takes the place of the standard one.
        by_name = {flag.split("=")[0]: flag for flag in [*standard, *flags]}
        self.command = [str(program), *by_name.values()]
        self.process = None
        self._channel = None

    def start(self, **popen):
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(self.command, stderr=log, **popen)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds=30):
        """Asks for a graceful stop; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def channel(self):
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.client, options=[
                ("grpc.max_reconnect_backoff_ms", 200),
                ("grpc.max_receive_message_length", 16 << 20)])
        return self._channel

    @property
    def kv(self):
        return api.kv_service.KvServiceStub(self.channel)

    @property
    def admin(self):
        return api.cluster_service.ClusterServiceStub(self.channel)

    def get_page(self, path):
        """(status, body) of an HTTP page; (0, "") when there is no answer."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self):
        return self.get_page("/readyz")[0] == 200

    def status(self):
        return self.admin.GetClusterStatus(api.cluster.GetClusterStatusRequest(), timeout=5)

    def log_events(self):
        lines = self.log_path.read_text().splitlines() if self.log_path.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{")]

    def has_logged(self, event):
        return any(line["event"] == event for line in self.log_events())


class Cluster:
    def __init__(self, program, folder, size=3, flags=()):
        folder.mkdir(exist_ok=True)
        ports = free_ports(3 * size)
        groups = [ports[3 * i:3 * i + 3] for i in range(size)]
        join = ",".join(f"127.0.0.1:{group[1]}" for group in groups)
        self.nodes = [
            Node(program, i + 1, folder / f"node{i + 1}", groups[i], join, flags)
            for i in range(size)]

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds=START_SECONDS):
        for node in self.running:
            wait_until(node.is_ready, f"node {node.number} is ready", seconds)

    @property
    def running(self):
        return [node for node in self.nodes if node.running]

    def leader(self):
        """The node that leads the first shard, once one that runs does."""
        def find():
            for node in self.running:
                try:
                    replicas = node.status().replicas
                except grpc.RpcError:
                    continue
                if any(r.role == api.cluster.REPLICA_ROLE_LEADER for r in replicas):
                    return node
            return None
        return wait_until(find, "a shard has a leader", 20)

    def followers(self):
        leader = self.leader()
        return [node for node in self.running if node is not leader]

    def stop(self):
        for node in self.running:
            node.kill()


def retry(call, seconds=20):
    """Repeats a call that may meet an election, until it succeeds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            passing = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED,
                       grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
            if error.code() not in passing or time.monotonic() > deadline:
                raise
            time.sleep(0.02)

"""Shards that an operator splits and moves by hand, while clients write."""

import json
import subprocess
import threading

import grpc
import pytest

from api import api, error_of
from cluster import Node, free_ports, retry, wait_until


class Operator:
    """Runs `flotilla shard ...`."""

    def __init__(self, program, nodes):
        self._program = program.parent / "flotilla"
        self.nodes = nodes

    def try_to(self, *args):
        endpoints = ",".join(node.client for node in self.nodes)
        return subprocess.run([self._program, "--endpoints", endpoints, "shard", *map(str, args)],
                              capture_output=True, text=True, timeout=120, check=False)

    def run(self, *args):
        """The JSON of the last line."""
        done = self.try_to(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def shards(self):
        return {shard["shard_id"]: shard for shard in self.run("list")["shards"]}

    def operations(self):
        """All that the directory remembers, the oldest first."""
        endpoints = ",".join(node.client for node in self.nodes)
        done = subprocess.run(
            [self._program, "--endpoints", endpoints, "op", "list", "--all", "--json"],
            capture_output=True, text=True, timeout=120, check=True)
        return json.loads(done.stdout.splitlines()[-1])["operations"]


def replicas_of(shard):
    return {replica["node_id"]: replica for replica in shard["replicas"]}


def follower_of(shard):
    return next(node for node, replica in replicas_of(shard).items()
                if replica["role"] == "voter")


def key_of(number):
    return f"key{number}".encode()


def ask_owner(nodes, call, request):
    """Asks one node after the other, and again: right at a split all may point to the parent."""
    answers = []

    def ask(node):
        try:
            answers.append(getattr(node.kv, call)(request, timeout=5))
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
        return bool(answers)

    wait_until(lambda: any(ask(node) for node in nodes), f"somebody owns the key of {request}")
    return answers[0]


class Writer:
    """Puts numbered keys without pause; a context manager."""

    def __init__(self, nodes):
        self.nodes = list(nodes)
        self.written = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._failure = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join()
        assert self._failure is None, self._failure

    def wait_for_more(self, count=50):
        goal = self.written + count
        wait_until(lambda: self._failure or self.written >= goal, "the writer goes on", 30)

    def _write(self):
        try:
            while not self._stopped.is_set():
                retry(self._put_once)
                self.written += 1
        except Exception as error:  # pylint: disable=broad-except
            self._failure = error

    def _put_once(self):
        request = api.kv.PutRequest(key=key_of(self.written), value=str(self.written).encode())
        ask_owner(self.nodes, "Put", request)


@pytest.fixture
def newcomer(program, cluster, tmp_path):
    """A fourth node, without a replica."""
    ports = free_ports(3)
    join = ",".join([node.peer for node in cluster.nodes] + [f"127.0.0.1:{ports[1]}"])
    node = Node(program, 4, tmp_path / "node4", ports, join, ["--initial-nodes=3"])
    node.start()
    yield node
    if node.running:
        node.kill()


def test_a_shard_is_split_and_moved_and_nothing_is_lost(program, cluster, newcomer):
    operator = Operator(program, [cluster.nodes[0]])
    wait_until(lambda: newcomer.has_logged("cluster_joined"), "the newcomer joins")
    with Writer(cluster.nodes) as writer:
        writer.wait_for_more()
        split = operator.run("split", 1)
        assert split["shard"]["last_slot"] + 1 == split["child"]["first_slot"] == 8192
        child = split["child"]["shard_id"]
        writer.wait_for_more()
        record = operator.operations()[-1]
        assert (record["step"], record["cause"], record["state"]) == (
            "split shard 1 at slot 8192", "asked for", "succeeded")

        source = follower_of(operator.shards()[child])
        moved = operator.run("move", child, source, 4)
        assert (moved["from_node_id"], moved["to_node_id"]) == (source, 4)
        writer.wait_for_more()
        # What is done already is done at once.
        operator.run("move", child, source, 4)

        leader = operator.shards()[child]["leader_node_id"]
        operator.run("move", child, leader, source)
        operator.run("transfer", child, 4)
        writer.wait_for_more()
    shards = operator.shards()
    assert set(shards) == {1, child}
    assert set(replicas_of(shards[1])) == {1, 2, 3}
    assert set(replicas_of(shards[child])) == {1, 2, 3, 4} - {leader}
    assert shards[child]["leader_node_id"] == 4
    assert (shards[1]["first_slot"], shards[child]["last_slot"]) == (0, 16383)

    assert writer.written
    for number in range(writer.written):
        request = api.kv.GetRequest(key=key_of(number))
        row = retry(lambda: ask_owner(cluster.nodes, "Get", request)).row  # pylint: disable=W0640
        assert row.value == str(number).encode(), row


def test_replicas_come_and_go(program, cluster, newcomer):
    operator = Operator(program, cluster.nodes)
    wait_until(lambda: newcomer.has_logged("cluster_joined"), "the newcomer joins")
    operator.run("add-replica", 1, 4)
    shard = operator.shards()[1]
    assert set(replicas_of(shard)) == {1, 2, 3, 4}
    assert all(replica["role"] in ("voter", "leader") for replica in shard["replicas"])
    leader = shard["leader_node_id"]
    operator.run("remove-replica", 1, leader)
    wait_until(lambda: set(replicas_of(operator.shards()[1])) == {1, 2, 3, 4} - {leader},
               "the old leader is gone", 20)


def test_what_cannot_be_done_is_refused_with_a_reason(program, shared_cluster):
    operator = Operator(program, shared_cluster.nodes)
    for args, code, why in (
            (("split", 9), 3, "there is no shard 9"),
            (("split", 1, "--at", 0), 2, "does not cut"),
            (("transfer", 1, 7), 1, "node 7 has no vote"),
            (("add-replica", 1, 7), 3, "node 7 does not answer"),
            (("move", 1, 1, 7), 3, "node 7 does not answer")):
        done = operator.try_to(*args)
        assert done.returncode == code, (args, done.stderr)
        lines = done.stderr.splitlines()
        assert [line.split(":")[0] for line in lines] == ["error", "why", "try"], done.stderr
        assert why in done.stderr


def test_any_node_names_the_leader(shared_cluster):
    follower = shared_cluster.followers()[0]
    with pytest.raises(grpc.RpcError) as caught:
        follower.admin.SplitShard(
            api.cluster.SplitShardRequest(shard_id=1, child_shard_id=2), timeout=5)
    error = error_of(caught.value)
    assert error.reason == api.error.REASON_NOT_LEADER
    assert error.route.leader_address == shared_cluster.leader().client

"""Nodes that come, are emptied, leave and die, as an operator sees and wants it."""

import json
import subprocess

import grpc
import pytest

from api import api, error_of
from cluster import Node, free_ports, wait_until

BALANCED = ("--balance=true", "--shards=4", "--dead-after=3s")


class Operator:
    """Runs `flotilla`."""

    def __init__(self, program, nodes):
        self._program = program.parent / "flotilla"
        self.nodes = nodes

    def command(self, *args):
        endpoints = ",".join(node.client for node in self.nodes)
        return [self._program, "--endpoints", endpoints, *map(str, args)]

    def try_to(self, *args):
        return subprocess.run(self.command(*args), capture_output=True, text=True, timeout=120,
                              check=False)

    def run(self, *args):
        """The JSON of the last line."""
        done = self.try_to(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def listed(self):
        return {node["node_id"]: node for node in self.run("node", "list")["nodes"]}

    def health(self):
        done = self.try_to("cluster", "health", "--json")
        health = json.loads(done.stdout)
        assert (done.returncode == 0) == (health["state"] == "healthy"), done
        return health

    def wait_until_healthy(self, seconds=60):
        wait_until(lambda: self.health()["state"] == "healthy", "all is well", seconds)


@pytest.fixture
def balanced(make_cluster):
    """Three nodes with four shards, and a balancer."""
    return make_cluster(flags=BALANCED).start()


@pytest.fixture
def newcomer(program, balanced, tmp_path):
    ports = free_ports(3)
    join = ",".join([node.peer for node in balanced.nodes] + [f"127.0.0.1:{ports[1]}"])
    node = Node(program, 4, tmp_path / "node4", ports, join, ["--initial-nodes=3", *BALANCED])
    yield node
    if node.running:
        node.kill()


def held_by(node):
    return node["replicas"] + (1 if node["directory_role"] else 0)


def has_its_share(operator):
    """Four shards and the directory, three replicas each, on four nodes: three or four each."""
    return 4 in operator.listed() and held_by(operator.listed()[4]) >= 3


def test_a_node_joins_is_drained_serves_again_and_is_removed(program, balanced, newcomer):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    assert operator.health()["failures_tolerated"] == 1
    newcomer.start()
    wait_until(lambda: has_its_share(operator), "it has its share", 60)
    assert operator.listed()[4]["client_address"] == newcomer.client

    operator.run("node", "drain", 4, "--wait")
    node = operator.listed()[4]
    assert held_by(node) == 0 and node["state"] == "draining", node
    operator.wait_until_healthy()
    operator.run("node", "serve", 4)
    wait_until(lambda: has_its_share(operator), "it has its share again", 60)

    done = operator.try_to("node", "remove", 4)
    assert done.returncode == 0, done.stderr
    assert "node 4 holds nothing any more" in done.stdout
    assert operator.listed()[4]["state"] == "leaving"
    assert newcomer.terminate() == 0
    wait_until(lambda: 4 not in operator.listed(), "it is forgotten", 60)
    operator.wait_until_healthy()


def recorded(operator):
    """All operations that the directory remembers, by number."""
    listed = operator.run("op", "list", "--all")["operations"]
    return {operation["operation_id"]: operation for operation in listed}


def moves_of(plan):
    """Without hand-overs of leadership, which leave no record and follow every election."""
    return {step["step"] for step in plan["steps"] if not step["step"].startswith("transfer")}


def has_nothing_to_do(operator):
    plan = operator.run("cluster", "plan")
    return not plan["steps"] and plan["steps_under_way"] == 0 and plan["complete"]


def test_what_a_dry_run_shows_is_what_a_drain_does(program, balanced, newcomer):
    operator = Operator(program, balanced.nodes)
    newcomer.start()
    wait_until(lambda: has_its_share(operator), "it has its share", 60)
    wait_until(lambda: has_nothing_to_do(operator), "all is even", 60)
    before = recorded(operator)
    held = held_by(operator.listed()[4])

    shown = operator.run("node", "drain", 4, "--dry-run")
    assert shown["possible"] and shown["complete"] and not shown["balancer_off"], shown
    assert shown["replicas_to_copy"] == shown["ideal_replicas_to_copy"] == held, shown
    totals = {node["node_id"]: node for node in shown["nodes"]}
    assert (totals[4]["replicas"], totals[4]["planned_replicas"]) == (held, 0)
    assert moves_of(operator.run("node", "remove", 4, "--dry-run")) == moves_of(shown)
    wait_until(lambda: has_nothing_to_do(operator), "all is even still", 60)
    assert operator.listed()[4]["duty"] == "serve"
    assert recorded(operator) == before

    operator.run("node", "drain", 4, "--wait")
    wait_until(lambda: has_nothing_to_do(operator), "all is done", 60)
    done = {operation["step"] for number, operation in recorded(operator).items()
            if number not in before}
    assert done == moves_of(shown)
    for number, total in totals.items():
        assert held_by(operator.listed()[number]) == total["planned_replicas"], (number, shown)
    assert "move" in operator.try_to("node", "serve", 4, "--dry-run").stdout


def test_a_dry_run_tells_what_cannot_be_done(program, balanced):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    # Three replicas of four shards and of the directory need three nodes.
    done = operator.try_to("node", "drain", 3, "--dry-run", "--json")
    assert done.returncode == 4, done
    assert "5 replicas would stay on the node" in done.stderr
    shown = json.loads(done.stdout)
    assert {shortfall["shard_id"] for shortfall in shown["shortfalls"]} == {0, 1, 2, 3, 4}
    assert operator.try_to("node", "remove", 9, "--dry-run").returncode == 3
    wait_until(lambda: operator.try_to("cluster", "plan").stdout == "nothing to do\n",
               "leaders are spread evenly")


def test_health_tells_of_a_death_and_of_the_recovery(program, balanced):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    victim = balanced.nodes[2]
    victim.kill()
    wait_until(lambda: operator.listed()[3]["state"] == "down", "it is known to be down", 30)
    health = operator.health()
    assert health["state"] == "degraded"
    assert health["failures_tolerated"] == 0
    kinds = {problem["kind"] for problem in health["problems"]}
    assert kinds == {"node_down", "shard_short_of_voters"}, health
    short = next(p for p in health["problems"] if p["kind"] == "shard_short_of_voters")
    assert set(short["shard_ids"]) == {0, 1, 2, 3, 4}
    victim.start()
    operator.wait_until_healthy()

    for node in balanced.nodes[1:]:
        node.kill()
    wait_until(lambda: operator.health()["state"] == "unavailable", "no shard is served", 30)


def test_a_dead_node_is_replaced_when_it_is_removed(program, balanced, newcomer):
    operator = Operator(program, balanced.nodes)
    newcomer.start()
    wait_until(lambda: has_its_share(operator), "it has its share", 60)
    balanced.nodes[1].kill()
    operator.run("node", "remove", 2)
    wait_until(lambda: 2 not in operator.listed(), "it is forgotten", 60)
    operator.wait_until_healthy()
    assert all(node["replicas"] == 4 for node in operator.listed().values())


def test_watchers_are_told_what_begins_and_ends(program, balanced, newcomer, tmp_path):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    logs = {}
    watchers = []
    for name, args in (("op", ("op", "watch")), ("health", ("cluster", "health", "--watch"))):
        logs[name] = tmp_path / f"{name}.watch"
        with logs[name].open("w") as log:
            watchers.append(subprocess.Popen(operator.command(*args, "--json"), stdout=log))
    newcomer.start()
    wait_until(lambda: has_its_share(operator), "it has its share", 60)
    wait_until(lambda: '"ended"' in logs["op"].read_text(), "a step is told of", 20)
    for watcher in watchers:
        watcher.kill()
        watcher.wait()
    events = [json.loads(line) for line in logs["op"].read_text().splitlines()]
    assert events[0]["event"] == "begun"
    assert any("to node 4" in event["step"] for event in events), events
    assert "healthy" in logs["health"].read_text()


def test_what_cannot_be_done_is_refused_with_a_reason(program, balanced):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    assert operator.run("op", "list") == {"steps": []}
    for args, code, why in (
            (("node", "drain", 9), 3, "the cluster has no node 9"),
            # Three replicas need three nodes.
            (("node", "drain", 3, "--wait", "--timeout", "2s"), 4, "nothing is moving")):
        done = operator.try_to(*args)
        assert done.returncode == code, (args, done.stderr)
        lines = done.stderr.splitlines()
        assert [line.split(":")[0] for line in lines] == ["error", "why", "try"], done.stderr
        assert why in done.stderr
    operator.run("node", "serve", 3)


def test_any_node_names_the_directorys_leader(program, balanced):
    operator = Operator(program, balanced.nodes)
    operator.wait_until_healthy()
    leader = balanced.nodes[0].status().directory.leader_node_id
    other = next(node for node in balanced.nodes if node.number != leader)
    with pytest.raises(grpc.RpcError) as caught:
        other.admin.SetNodeDuty(api.cluster.SetNodeDutyRequest(
            node_id=1, duty=api.cluster.NODE_DUTY_SERVE), timeout=5)
    error = error_of(caught.value)
    assert error.reason == api.error.REASON_NOT_LEADER
    assert error.route.leader_address == balanced.nodes[leader - 1].client

"""What the nodes say of shards and of the balancer's steps is read rightly."""

import json
import time
import types

import pytest

from cluster import placement


def shard(number, *nodes, leader=1, first=0, last=16383):
    replicas = [{"node_id": node, "role": "leader" if node == leader else "voter", "state": "ok"}
                for node in nodes]
    return {"shard_id": number, "first_slot": first, "last_slot": last, "leader_node_id": leader,
            "replicas": replicas}


@pytest.fixture(name="problem")
def problem_of(monkeypatch):
    """What is unsettled with these shards and replicas by node."""
    def ask(shards, counts, serving, steps=()):
        monkeypatch.setattr(placement, "shards_of", lambda _: {s["shard_id"]: s for s in shards})
        monkeypatch.setattr(placement, "replica_counts", lambda _: counts)
        monkeypatch.setattr(placement, "steps_under_way", lambda _: steps)
        return placement.unsettled(None, serving)

    return ask


def test_a_cluster_is_settled_when_all_is_where_it_belongs(problem):
    assert problem([shard(1, 1, 2, 3)], {1: 2, 2: 2, 3: 2}, [1, 2, 3]) == ""


@pytest.mark.parametrize("one", [
    shard(1, 1, 2, 3, leader=0), shard(1, 1, 2), shard(1, 1, 2, 3, 4), shard(1, 1, 2, 5),
    shard(1, 1, 2, 3, last=8191)])
def test_a_shard_is_not_settled_without_leader_replicas_or_slots(problem, one):
    assert problem([one], {1: 2, 2: 2, 3: 2}, [1, 2, 3, 4])


@pytest.mark.parametrize("field, value", [("role", "learner"), ("state", "silent")])
def test_a_shard_is_not_settled_while_a_replica_is_not_well(problem, field, value):
    one = shard(1, 1, 2, 3)
    one["replicas"][2][field] = value
    assert problem([one], {1: 2, 2: 2, 3: 2}, [1, 2, 3])


def test_an_uneven_cluster_is_not_settled(problem):
    assert problem([shard(1, 1, 2, 3)], {1: 2, 2: 2, 3: 2, 4: 0}, [1, 2, 3, 4])


def test_a_node_that_should_be_empty_is_waited_for(problem):
    assert problem([shard(1, 1, 2, 3)], {1: 2, 2: 2, 3: 1, 4: 1}, [1, 2, 3])


@pytest.mark.parametrize("steps", [["move shard 1 from node 1 to node 4"], None])
def test_a_cluster_is_not_settled_while_steps_are_under_way_or_unknown(problem, steps):
    assert problem([shard(1, 1, 2, 3)], {1: 2, 2: 2, 3: 2}, [1, 2, 3], steps)


def test_the_directory_counts_as_a_replica(monkeypatch):
    nodes = {1: {"replicas": 4, "directory_role": "leader"},
             2: {"replicas": 4, "directory_role": ""}}
    monkeypatch.setattr(placement, "nodes_of", lambda _: nodes)
    assert placement.replica_counts(None) == {1: 5, 2: 4}
    assert placement.directory_leader(None) == 1


def test_steps_are_read_from_the_logs(tmp_path):
    log = tmp_path / "log.jsonl"
    lines = [{"ts": "2026-01-01T00:00:01.5Z", "event": "step_begun",
              "step": "move shard 7 from node 1 to node 4"},
             {"ts": "2026-01-01T00:00:02Z", "event": "step_begun",
              "step": "transfer shard 8 from node 1 to node 2"},
             {"ts": "2026-01-01T00:00:04Z", "event": "step_ended", "done": True,
              "step": "move shard 7 from node 1 to node 4"}]
    log.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines),
                   encoding="utf-8")

    nodes = [types.SimpleNamespace(log=log), types.SimpleNamespace(log=tmp_path / "none")]
    move, transfer = placement.steps_of(nodes)
    assert (move.shard, move.done, transfer.shard, transfer.ended) == (7, True, None, None)
    assert move.ended - move.begun == pytest.approx(2.5)
    assert move.begun == pytest.approx(1767225601.5 + time.monotonic() - time.time(), abs=0.1)

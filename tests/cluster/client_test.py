"""What the client says is read rightly."""

import json
import sys

from cluster import client


def replica(role, term, commit=0, applied=0, shard=1):
    return {"shard_id": shard, "role": role, "term": term, "commit_index": commit,
            "applied_index": applied}


def node(*replicas):
    return {"replicas": list(replicas)}


def test_the_leader_is_that_of_the_newest_term():
    statuses = {1: node(replica("leader", 3)), 2: node(replica("follower", 4)),
                3: node(replica("leader", 4))}
    assert client.leader_of(statuses) == 3


def test_the_node_that_leads_most_shards_is_the_leader():
    statuses = {1: node(replica("leader", 9, shard=1), replica("follower", 1, shard=2)),
                2: node(replica("leader", 1, shard=2), replica("leader", 1, shard=3))}
    assert client.leader_of(statuses) == 2


def test_without_a_leader_of_every_shard_there_is_none():
    assert client.leader_of({1: node(replica("candidate", 3))}) is None
    leads_one = node(replica("leader", 1), replica("follower", 1, shard=2))
    assert client.leader_of({1: leads_one}) is None
    assert client.leader_of({}) is None


def test_logs_are_compared_by_shard():
    statuses = {1: node(replica("leader", 1, 9, 8), replica("follower", 1, 7, 5, shard=2)),
                2: node(replica("follower", 1, 8, 8), replica("leader", 1, 8, 8, shard=2))}
    assert client.applied(statuses) == {1: {1: 8, 2: 5}, 2: {1: 8, 2: 8}}
    assert client.committed(statuses) == {1: 9, 2: 8}


def fake(tmp_path, output, exit_code=0):
    """A client whose program prints `output`."""
    program = tmp_path / "flotilla.py"
    program.write_text(f"import sys; print({output!r}); sys.exit({exit_code})", encoding="utf-8")
    return client.Client([sys.executable, program], ["host:1"])


def test_nodes_that_do_not_answer_have_no_status(tmp_path):
    nodes = [{"node_id": 1, **node(replica("leader", 1))}, {"endpoint": "x", "reachable": False}]
    statuses = fake(tmp_path, json.dumps({"nodes": nodes}), exit_code=4).statuses()
    assert list(statuses) == [1]


def test_rows_keep_the_order_of_the_scan(tmp_path):
    lines = '{"key":"b","value":"2","version":1}\n{"key":"a","value":"\\n","version":2}'
    assert list(fake(tmp_path, lines).rows("").items()) == [("b", "2"), ("a", "\n")]

"""Three nodes agree, survive the loss of one, and lose nothing."""

import threading
import time

import grpc
import pytest

from api import api, error_of
from cluster import retry, wait_until


def put(node, key, value, timeout=5):
    return node.kv.Put(api.kv.PutRequest(key=key, value=value), timeout=timeout)


def get(node, key, timeout=5, **fields):
    reply = node.kv.Get(api.kv.GetRequest(key=key, **fields), timeout=timeout)
    return reply.row.value if reply.HasField("row") else None


def scan(node, **fields):
    pages = node.kv.Scan(api.kv.ScanRequest(**fields), timeout=10)
    return [row.key for page in pages for row in page.rows]


def open_session(node):
    return node.kv.OpenSession(api.kv.OpenSessionRequest(), timeout=5).session_token


def test_every_node_serves_every_operation(shared_cluster):
    for node in shared_cluster.nodes:
        name = b"n%d" % node.number
        first = put(node, name, b"one").version
        assert get(node, name) == b"one"
        swapped = node.kv.CompareAndSwap(api.kv.CompareAndSwapRequest(
            condition=api.kv.Condition(key=name, version=first), value=b"two"), timeout=5)
        assert swapped.succeeded and swapped.version > first
        refused = node.kv.CompareAndSwap(api.kv.CompareAndSwapRequest(
            condition=api.kv.Condition(key=name, absent=True), value=b"x"), timeout=5)
        assert not refused.succeeded and refused.current_value == b"two"
        node.kv.Append(api.kv.AppendRequest(key=name, value=b"!"), timeout=5)
        for other in shared_cluster.nodes:
            assert get(other, name) == b"two!"
        assert node.kv.Increment(
            api.kv.IncrementRequest(key=b"count", delta=5), timeout=5).value == 5 * node.number
        assert node.kv.Delete(api.kv.DeleteRequest(key=name), timeout=5).found
        assert not node.kv.Delete(api.kv.DeleteRequest(key=name), timeout=5).found
        assert get(node, name) is None


def test_batches_and_transactions_are_atomic(shared_cluster):
    node = shared_cluster.nodes[0]
    write = api.kv.WriteOperation
    batch = node.kv.Batch(api.kv.BatchRequest(operations=[
        write(put=write.Put(key=b"{t}a", value=b"1")),
        write(increment=write.Increment(key=b"{t}n", delta=7)),
        write(delete=write.Delete(key=b"{t}none"))]), timeout=5)
    assert [r.not_found for r in batch.results] == [False, False, True]
    assert batch.results[1].number == 7

    with pytest.raises(grpc.RpcError) as failed:
        node.kv.Batch(api.kv.BatchRequest(operations=[
            write(put=write.Put(key=b"{t}a", value=b"changed")),
            write(increment=write.Increment(key=b"{t}text", delta=1)),
            write(append=write.Append(key=b"{t}n", value=b"x")),
            write(increment=write.Increment(key=b"{t}n", delta=1))]), timeout=5)
    assert error_of(failed.value).reason == api.error.REASON_NOT_A_NUMBER
    assert error_of(failed.value).failed_operation == 3
    assert get(node, b"{t}a") == b"1"

    txn = node.kv.Txn(api.kv.TxnRequest(
        conditions=[api.kv.Condition(key=b"{t}a", value=b"1")],
        then=[write(put=write.Put(key=b"{t}b", value=b"then"))],
        otherwise=[write(put=write.Put(key=b"{t}b", value=b"else"))]), timeout=5)
    assert txn.succeeded
    assert get(node, b"{t}b") == b"then"


def test_scans_resume_page_by_page_in_both_directions(shared_cluster):
    node = shared_cluster.nodes[1]
    keys = [b"s%03d" % i for i in range(50)]
    for key in keys:
        put(node, key, b"v")
    whole = {"start_key": b"s", "end_key": b"t"}
    assert scan(node, page_size=7, **whole) == keys
    assert scan(node, page_size=7, reverse=True, **whole) == keys[::-1]
    assert scan(node, page_size=7, limit=20, **whole) == keys[:20]
    assert scan(node, limit=3, reverse=True, **whole) == keys[:-4:-1]

    first = next(iter(node.kv.Scan(api.kv.ScanRequest(page_size=10, **whole), timeout=5)))
    assert scan(shared_cluster.nodes[2], page_token=first.next_page_token, **whole) == keys[10:]
    counted = node.kv.Scan(api.kv.ScanRequest(count_only=True, **whole), timeout=5)
    assert sum(page.count for page in counted) == 50

    deleted = node.kv.DeleteRange(
        api.kv.DeleteRangeRequest(start_key=b"s", end_key=b"t", page_size=30), timeout=5)
    rest = node.kv.DeleteRange(
        api.kv.DeleteRangeRequest(start_key=b"s", end_key=b"t",
                                  page_token=deleted.next_page_token), timeout=5)
    assert (deleted.deleted, rest.deleted, rest.next_page_token) == (30, 20, b"")
    assert scan(node, **whole) == []


def test_a_pipeline_answers_every_operation_once(shared_cluster):
    node = shared_cluster.followers()[0]
    count = 500

    def requests():
        for first in range(0, count, 50):
            message = api.kv.PipelineRequest()
            for i in range(first, first + 50):
                operation = message.operations.add(id=i)
                if i % 2:
                    operation.get.key = b"p%d" % (i - 1)
                else:
                    operation.put.key = b"p%d" % i
                    operation.put.value = b"v%d" % i
            yield message

    results = [result for message in node.kv.Pipeline(requests(), timeout=20)
               for result in message.results]
    assert sorted(result.id for result in results) == list(range(count))
    assert {result.WhichOneof("result") for result in results} == {"put", "get"}


def test_a_retried_write_of_a_session_takes_effect_once(shared_cluster):
    token = open_session(shared_cluster.nodes[0])
    header = api.kv.RequestHeader(session_token=token, sequence=1)
    request = api.kv.IncrementRequest(header=header, key=b"once", delta=1)
    answers = [node.kv.Increment(request, timeout=5) for node in shared_cluster.nodes]
    assert [answer.value for answer in answers] == [1, 1, 1]
    assert len({answer.version for answer in answers}) == 1
    assert [answer.replayed for answer in answers] == [False, True, True]

    shared_cluster.nodes[1].kv.CloseSession(
        api.kv.CloseSessionRequest(header=api.kv.RequestHeader(session_token=token)), timeout=5)
    header.sequence = 2
    with pytest.raises(grpc.RpcError) as refused:
        shared_cluster.nodes[0].kv.Increment(
            api.kv.IncrementRequest(header=header, key=b"once", delta=1), timeout=5)
    assert error_of(refused.value).reason == api.error.REASON_SESSION_UNKNOWN
    assert error_of(refused.value).outcome == api.error.OUTCOME_NOT_APPLIED


def test_a_killed_leader_is_replaced_and_catches_up_and_nothing_is_lost(cluster):
    leader = cluster.leader()
    survivor = cluster.followers()[0]
    token = open_session(survivor)
    acknowledged = 0
    longest_gap = 0
    last = time.monotonic()
    killed = False
    while acknowledged < 400:
        request = api.kv.IncrementRequest(
            header=api.kv.RequestHeader(session_token=token, sequence=acknowledged + 1,
                                        acknowledged_below=acknowledged + 1),
            key=b"counter", delta=1)
        # The same sequence number again, until it is answered.
        answer = retry(lambda r=request: survivor.kv.Increment(r, timeout=1))
        acknowledged += 1
        assert answer.value == acknowledged
        longest_gap = max(longest_gap, time.monotonic() - last)
        last = time.monotonic()
        if acknowledged == 200 and not killed:
            killed = True
            leader.kill()
    assert longest_gap < 5
    assert get(survivor, b"counter") == b"400"

    leader.start()
    cluster.wait_until_ready()
    newest = survivor.status().replicas[0].applied_index
    wait_until(lambda: leader.status().replicas[0].applied_index >= newest, "it caught up")
    assert get(leader, b"counter", consistency=api.kv.READ_CONSISTENCY_STALE) == b"400"


def test_all_nodes_killed_at_once_come_back_with_everything(cluster):
    for i in range(100):
        put(cluster.nodes[i % 3], b"k%d" % i, b"v%d" % i)
    for node in cluster.nodes:
        node.process.kill()
    for node in cluster.nodes:
        node.process.wait()
        node.start()
    cluster.wait_until_ready()
    for i in range(100):
        assert get(cluster.nodes[(i + 1) % 3], b"k%d" % i) == b"v%d" % i


def test_without_a_majority_requests_fail_within_their_deadline(cluster):
    lonely = cluster.nodes[0]
    put(lonely, b"k", b"v")
    # A linearizable read: from here on this very node has applied the write.
    assert get(lonely, b"k") == b"v"
    for node in cluster.nodes[1:]:
        node.kill()
    for call in (lambda: put(lonely, b"k", b"w", timeout=3), lambda: get(lonely, b"k", timeout=3)):
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as failed:
            call()
        assert time.monotonic() - began < 4
        # ABORTED: the leader that had taken the write stepped down, so its outcome is unknown.
        assert failed.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED,
                                       grpc.StatusCode.DEADLINE_EXCEEDED)
    wait_until(lambda: not lonely.is_ready(), "it says that it is not ready")
    assert get(lonely, b"k", consistency=api.kv.READ_CONSISTENCY_STALE) == b"v"

    cluster.nodes[1].start()
    assert retry(lambda: put(lonely, b"k", b"w", timeout=3)).version > 0


def test_a_graceful_stop_hands_over_and_ends_with_exit_code_0(cluster):
    leader = cluster.leader()
    survivor = cluster.followers()[0]
    failures = []
    stopping = threading.Event()

    def load():
        while not stopping.is_set():
            try:
                retry(lambda: put(survivor, b"k", b"v", timeout=2))
            except grpc.RpcError as error:
                failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        assert leader.terminate() == 0
    finally:
        stopping.set()
        thread.join()
    assert not failures
    assert cluster.leader() is not leader
    assert leader.has_logged("stopped")


def test_leadership_moves_on_request_and_only_the_leader_accepts(shared_cluster):
    leader = shared_cluster.leader()
    target, other = shared_cluster.followers()
    request = api.cluster.TransferLeadershipRequest(shard_id=1, target_node_id=target.number)
    with pytest.raises(grpc.RpcError) as refused:
        other.admin.TransferLeadership(request, timeout=5)
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    leader.admin.TransferLeadership(request, timeout=5)
    wait_until(lambda: shared_cluster.leader() is target, "the target leads", 10)
    put(leader, b"k", b"v")


def test_the_shard_map_covers_the_ring_and_names_the_leader(shared_cluster):
    nodes = shared_cluster.nodes
    shard_map = nodes[2].admin.GetShardMap(api.cluster.GetShardMapRequest(), timeout=5)
    shards = sorted(shard_map.shards, key=lambda shard: shard.first_slot)
    assert shards[0].first_slot == 0 and shards[-1].last_slot == 16383
    assert shards[0].route.leader_address == shared_cluster.leader().client
    assert {node.client_address for node in shard_map.nodes} == {node.client for node in nodes}


def test_a_new_node_joins_and_replaces_a_dead_one(cluster, make_cluster, tmp_path):
    put(cluster.nodes[0], b"before", b"v")
    join = next(flag for flag in cluster.nodes[0].command if flag.startswith("--join="))
    newcomer = make_cluster(1, [join, "--initial-nodes=3", "--node-id=4"],
                            tmp_path / "fourth").nodes[0].start()
    wait_until(lambda: newcomer.has_logged("cluster_joined"), "it joined")

    victim = cluster.followers()[0]
    victim.kill()

    def change(**fields):
        request = api.cluster.ChangeMembershipRequest(shard_id=1, **fields)
        retry(lambda: cluster.leader().admin.ChangeMembership(request, timeout=20))

    change(add_learner_node_ids=[4])
    change(add_voter_node_ids=[4], remove_node_ids=[victim.number])
    wait_until(newcomer.is_ready, "the new member is ready")
    members = cluster.leader().status().replicas[0].members
    survivors = {node.number for node in cluster.running}
    assert {member.node_id for member in members if member.voter} == survivors | {4}
    assert get(newcomer, b"before") == b"v"

    # It counts: with it, one of the founders may go as well.
    cluster.followers()[0].kill()
    assert retry(lambda: put(newcomer, b"after", b"v")).version > 0

"""Whatever a client sends gets a clear refusal, and the node goes on."""

import grpc
import pytest

from api import api, error_of

INVALID = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
def node(shared_node):
    yield shared_node
    # Whatever the test sent, the node still serves.
    shared_node.kv.Put(api.kv.PutRequest(key=b"alive", value=b"yes"), timeout=5)


def refusal_of(call, request):
    with pytest.raises(grpc.RpcError) as refused:
        answer = call(request, timeout=5)
        list(answer) if hasattr(answer, "__iter__") else None
    return refused.value


def test_empty_and_oversized_keys_and_values_are_refused_with_limit_and_actual(node):
    put = api.kv.PutRequest
    for request, words in (
            (put(key=b"", value=b"v"), "empty"),
            (put(key=b"k" * 4097, value=b"v"), "4097"),
            (put(key=b"k", value=b"v" * ((1 << 20) + 1)), "1048577")):
        error = refusal_of(node.kv.Put, request)
        assert error.code() == INVALID
        assert words in error.details()
        assert error_of(error).reason == api.error.REASON_INVALID_REQUEST
        assert error_of(error).outcome == api.error.OUTCOME_NOT_APPLIED
    node.kv.Put(put(key=b"k" * 4096, value=b"v" * (1 << 20)), timeout=10)


def test_a_message_beyond_the_hard_cap_is_refused(node):
    error = refusal_of(node.kv.Put, api.kv.PutRequest(key=b"k", value=b"v" * (17 << 20)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_answer_too_large_for_a_message_is_refused(node):
    keys = [b"large%d" % i for i in range(5)]
    for key in keys:
        node.kv.Put(api.kv.PutRequest(key=key, value=b"v" * (1 << 20)), timeout=10)
    error = refusal_of(node.kv.BatchGet, api.kv.BatchGetRequest(keys=keys))
    assert error.code() == INVALID
    assert "fewer keys" in error.details()
    few = node.kv.BatchGet(api.kv.BatchGetRequest(keys=keys[:3]), timeout=10)
    assert len(few.items) == 3


def test_too_many_operations_and_keys_are_refused(node):
    write = api.kv.WriteOperation
    operations = [write(put=write.Put(key=b"{t}%d" % i, value=b"v")) for i in range(257)]
    assert "257" in refusal_of(node.kv.Batch, api.kv.BatchRequest(operations=operations)).details()
    keys = [b"%d" % i for i in range(1001)]
    assert "1001" in refusal_of(node.kv.BatchGet, api.kv.BatchGetRequest(keys=keys)).details()


def test_atomic_commands_across_slots_are_refused(node):
    write = api.kv.WriteOperation
    error = refusal_of(node.kv.Batch, api.kv.BatchRequest(operations=[
        write(put=write.Put(key=b"a", value=b"1")), write(put=write.Put(key=b"b", value=b"2"))]))
    assert error.code() == INVALID
    assert "slot" in error.details()


def test_malformed_page_tokens_are_refused(node):
    for token in (b"x", b"\0" * 20, b"K\x01\x00", b"K\xff\x00" + b"\0" * 8, b"\xff" * 5000):
        error = refusal_of(node.kv.Scan, api.kv.ScanRequest(page_token=token))
        assert error.code() == INVALID
        assert "page token" in error.details()
        error = refusal_of(node.kv.DeleteRange, api.kv.DeleteRangeRequest(page_token=token))
        assert error.code() == INVALID


def test_a_page_token_of_another_range_is_refused(node):
    for i in range(3):
        node.kv.Put(api.kv.PutRequest(key=b"page%d" % i, value=b"v"), timeout=5)
    page = next(iter(node.kv.Scan(
        api.kv.ScanRequest(start_key=b"page", page_size=1), timeout=5)))
    error = refusal_of(node.kv.Scan, api.kv.ScanRequest(
        start_key=b"other", page_token=page.next_page_token))
    assert "another range" in error.details()


def test_malformed_and_unknown_sessions_are_refused(node):
    for token in (b"x", b"T\x01\x00", b"\xff" * 100):
        header = api.kv.RequestHeader(session_token=token, sequence=1)
        error = refusal_of(node.kv.Put, api.kv.PutRequest(header=header, key=b"k", value=b"v"))
        assert error.code() == INVALID
    # Well-formed, but registered by nobody.
    token = node.kv.OpenSession(api.kv.OpenSessionRequest(), timeout=5).session_token
    header = api.kv.RequestHeader(session_token=token[:-1] + b"\x55", sequence=1)
    error = refusal_of(node.kv.Put, api.kv.PutRequest(header=header, key=b"k", value=b"v"))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert error_of(error).reason == api.error.REASON_SESSION_UNKNOWN


def test_another_keyspace_and_another_shard_are_refused(node):
    header = api.kv.RequestHeader(keyspace="mine")
    assert refusal_of(node.kv.Get, api.kv.GetRequest(header=header, key=b"k")).code() == INVALID
    header = api.kv.RequestHeader(shard_id=99)
    error = refusal_of(node.kv.Get, api.kv.GetRequest(header=header, key=b"k"))
    assert error_of(error).reason == api.error.REASON_WRONG_SHARD


def test_numbers_that_are_none_and_overflow_change_nothing(node):
    node.kv.Put(api.kv.PutRequest(key=b"text", value=b"12 apples"), timeout=5)
    error = refusal_of(node.kv.Increment, api.kv.IncrementRequest(key=b"text", delta=1))
    assert error_of(error).reason == api.error.REASON_NOT_A_NUMBER
    node.kv.Put(api.kv.PutRequest(key=b"most", value=b"%d" % (2**63 - 1)), timeout=5)
    error = refusal_of(node.kv.Increment, api.kv.IncrementRequest(key=b"most", delta=1))
    assert error.code() == grpc.StatusCode.OUT_OF_RANGE
    assert node.kv.Get(api.kv.GetRequest(key=b"most"), timeout=5).row.value == b"%d" % (2**63 - 1)


def test_conditions_that_expect_nothing_are_refused(node):
    request = api.kv.CompareAndSwapRequest(condition=api.kv.Condition(key=b"k"), value=b"v")
    assert "expects nothing" in refusal_of(node.kv.CompareAndSwap, request).details()


def test_a_client_of_another_api_version_is_told_so(node):
    call = node.channel.unary_unary("/flotilla.v2.KvService/Get", request_serializer=bytes,
                                    response_deserializer=bytes)
    error = refusal_of(call, b"")
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "flotilla.v1" in error.details()


def test_bytes_that_are_no_message_are_refused(node):
    call = node.channel.unary_unary("/flotilla.v1.KvService/Put", request_serializer=bytes,
                                    response_deserializer=bytes)
    # gRPC's own answer.
    assert refusal_of(call, b"\xff\xff\xff\xff").code() in (grpc.StatusCode.INTERNAL,
                                                             grpc.StatusCode.UNIMPLEMENTED)


def test_a_bad_operation_in_a_pipeline_spoils_no_other(node):
    message = api.kv.PipelineRequest()
    message.operations.add(id=1).put.key = b"good"
    message.operations.add(id=2).put.key = b""
    message.operations.add(id=3)
    message.operations.add(id=4).get.key = b"good"
    results = {result.id: result
               for reply in node.kv.Pipeline(iter([message]), timeout=5)
               for result in reply.results}
    assert results[1].put.version > 0
    assert results[2].error.code == INVALID.value[0]
    assert results[3].error.reason == api.error.REASON_UNSUPPORTED
    assert results[4].HasField("get")


def test_membership_changes_that_make_no_sense_are_refused(node):
    for request in (api.cluster.ChangeMembershipRequest(shard_id=1, remove_node_ids=[1]),
                    api.cluster.ChangeMembershipRequest(shard_id=77, add_voter_node_ids=[1]),
                    api.cluster.ChangeMembershipRequest(shard_id=1)):
        error = refusal_of(node.admin.ChangeMembership, request)
        assert error.code() in (INVALID, grpc.StatusCode.FAILED_PRECONDITION,
                                grpc.StatusCode.NOT_FOUND), error

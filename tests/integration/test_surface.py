"""What tools see of a node: health, reflection, HTTP pages, metrics, documents."""

import pathlib
import re
import signal
import subprocess

import grpc
import pytest

from api import SOURCE, api
from cluster import wait_until

SERVICES = ("", "flotilla.v1.KvService", "flotilla.v1.ClusterService")


def health_of(node, service):
    stub = api.health_service.HealthStub(node.channel)
    reply = stub.Check(api.health.HealthCheckRequest(service=service), timeout=5)
    return api.health.HealthCheckResponse.ServingStatus.Name(reply.status)


def test_health_is_told_overall_and_for_each_service(shared_node):
    for service in SERVICES:
        wait_until(lambda s=service: health_of(shared_node, s) == "SERVING", f"{service} serves")
    with pytest.raises(grpc.RpcError) as unknown:
        health_of(shared_node, "flotilla.v1.NoSuchService")
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_turns_when_the_majority_is_gone_and_comes_back(cluster):
    node = cluster.nodes[0]
    wait_until(lambda: health_of(node, "") == "SERVING", "it serves")
    for other in cluster.nodes[1:]:
        other.kill()
    for service in SERVICES:
        wait_until(lambda s=service: health_of(node, s) == "NOT_SERVING", f"{service} is down", 10)
    for other in cluster.nodes[1:]:
        other.start()
    wait_until(lambda: health_of(node, "") == "SERVING", "it serves again")


def reflected(node, **request):
    stub = api.reflection_service.ServerReflectionStub(node.channel)
    message = api.reflection.ServerReflectionRequest(**request)
    return next(iter(stub.ServerReflectionInfo(iter([message]), timeout=5)))


def test_reflection_describes_all_services(shared_node):
    listed = reflected(shared_node, list_services="").list_services_response.service
    names = {service.name for service in listed}
    assert {"flotilla.v1.KvService", "flotilla.v1.ClusterService", "grpc.health.v1.Health"} <= names
    for name in names:
        reply = reflected(shared_node, file_containing_symbol=name)
        assert reply.file_descriptor_response.file_descriptor_proto, name


def test_reflection_can_be_switched_off(make_cluster):
    node = make_cluster(1, ["--reflection=false"]).start().nodes[0]
    with pytest.raises(grpc.RpcError) as refused:
        reflected(node, list_services="")
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_clients_and_peers_are_served_on_different_ports(shared_node):
    peers = grpc.insecure_channel(shared_node.peer)
    with pytest.raises(grpc.RpcError) as refused:
        api.kv_service.KvServiceStub(peers).Get(api.kv.GetRequest(key=b"k"), timeout=5)
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "check the address" in refused.value.details()
    peers.close()


def test_a_ready_node_says_so_line_by_line(shared_node):
    wait_until(shared_node.is_ready, "it is ready")
    assert shared_node.get_page("/readyz") == (200, "ok\n")
    status, body = shared_node.get_page("/readyz?verbose")
    assert status == 200
    assert body.splitlines() == [
        "[+]executor ok", "[+]cluster ok", "[+]disk ok", "[+]linearizable_read ok", "ok"]
    assert shared_node.get_page("/livez")[0] == 200
    assert shared_node.get_page("/no-such-page")[0] == 404


def test_a_node_that_looks_for_its_cluster_is_alive_but_not_ready(make_cluster):
    lonely = make_cluster().nodes[0].start()
    wait_until(lambda: lonely.get_page("/livez")[0] == 200, "it is alive")
    wait_until(lambda: "[-]cluster failed: joining" in lonely.get_page("/readyz")[1], "it joins")
    assert lonely.get_page("/readyz")[0] == 503
    with pytest.raises(grpc.RpcError) as refused:
        lonely.kv.Get(api.kv.GetRequest(key=b"k"), timeout=5)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def families_of(page):
    return set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))


def operations_manual():
    return (SOURCE / "docs/operations.md").read_text()


def test_every_metric_is_documented_and_every_documented_metric_exists(shared_cluster):
    exposed = set()
    for node in shared_cluster.nodes:
        exposed |= families_of(node.get_page("/metrics")[1])
    documented = set(re.findall(r"^\| `((?:flotilla|process)_\w+)", operations_manual(),
                                re.MULTILINE))
    assert exposed == documented


def test_metrics_are_well_formed(shared_node):
    page = shared_node.get_page("/metrics")[1]
    sample = re.compile(r'^[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$')
    family = None
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
        elif not line.startswith("#"):
            assert sample.match(line), line
            assert line.startswith(family), f"{line} is not below its family {family}"


def test_requests_are_counted(shared_node):
    def count():
        page = shared_node.get_page("/metrics")[1]
        return int(re.search(r'flotilla_request_seconds_count\{op="put"\} (\d+)', page).group(1))

    before = count()
    shared_node.kv.Put(api.kv.PutRequest(key=b"k", value=b"v"), timeout=5)
    assert count() == before + 1


def test_every_setting_is_documented(program):
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"^  --([\w.-]+)", text[text.index("Settings:"):], re.MULTILINE))
    documented = set(re.findall(r"^\| `--([\w.-]+)`", operations_manual(), re.MULTILINE))
    assert flags == documented


def test_every_logged_event_is_documented():
    """Events are found where they are written: a name in quotes after a level's method."""
    call = re.compile(r"\.(?:Debug|Info|Warning|Error)\(\s*(?:[^\"()]*\?\s*)?"
                      r"\"(\w+)\"(?:\s*:\s*\"(\w+)\")?")
    logged = set()
    for folder in ("node", "server", "storage", "kv", "raft"):
        for path in pathlib.Path(SOURCE / folder).glob("*.cc"):
            for match in call.finditer(path.read_text()):
                logged |= {name for name in match.groups() if name}
    documented = set(re.findall(r"^\| `(\w+)` \| (?:debug|info|warning|error)", operations_manual(),
                                re.MULTILINE))
    assert logged == documented


def test_log_lines_are_json_with_the_fields_that_all_have(shared_node):
    events = shared_node.log_events()
    assert events
    for event in events:
        assert {"ts", "level", "node", "event"} <= event.keys()
        assert event["node"] == 1
    assert all(line.startswith("{") for line in shared_node.log_path.read_text().splitlines())


def test_a_node_that_stops_tells_health_checks_first(make_cluster):
    node = make_cluster(1).start().nodes[0]
    stub = api.health_service.HealthStub(node.channel)
    watch = stub.Watch(api.health.HealthCheckRequest(service=""), timeout=30)
    serving = api.health.HealthCheckResponse.SERVING
    assert next(watch).status == serving
    node.process.send_signal(signal.SIGTERM)
    assert next(watch).status != serving
    assert node.process.wait(timeout=20) == 0

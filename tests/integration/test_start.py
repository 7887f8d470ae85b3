"""What can be wrong when a node starts, stops, or runs out of something."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import time

import grpc
import pytest

from api import api, error_of
from cluster import SMALL_LOG, free_ports, retry, wait_until

USAGE, DATA_FOLDER, ADDRESS, LIMITS, STOP_OVERDUE = 2, 3, 4, 5, 6

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def run(program, *flags, **options):
    return subprocess.run([program, *flags], capture_output=True, text=True, timeout=60,
                          check=False, **options)


def loopback_flags(folder, ports=None, node_id=1):
    client, peer, http = ports or free_ports(3)
    return [f"--node-id={node_id}", f"--data-dir={folder}", f"--listen-client=127.0.0.1:{client}",
            f"--listen-peer=127.0.0.1:{peer}", f"--listen-http=127.0.0.1:{http}", *SMALL_LOG]


def complaint_of(result, code):
    """The three lines at the end of standard error: what, why, what to do."""
    assert result.returncode == code, result.stderr
    what, why, remedy = result.stderr.splitlines()[-3:]
    assert what.startswith("flotillad: ") and len(what) > 15
    assert why.startswith("  why: ") and len(why) > 10
    assert remedy.startswith("  try: ") and len(remedy) > 10
    return f"{what}\n{why}\n{remedy}"


@pytest.mark.parametrize("flags, words", [
    (["--no-such-flag=1"], "no flag \"no-such-flag\""),
    (["--nodeid=1"], "did you mean node-id"),
    (["--node-id=one"], "whole number"),
    (["--node-id=0"], "node-id is needed"),
    (["--node-id=1"], "data-dir is needed"),
    (["--node-id=1", "--data-dir=d", "--raft.tick=quick"], "250ms"),
    (["--node-id=1", "--data-dir=d", "--listen-client=0.0.0.0:6170"], "--insecure"),
    (["--node-id=1", "--data-dir=d", "--config=no-such-file.yaml"], "no-such-file.yaml"),
    (["--node-id=1", "--data-dir=d", "--initial-nodes=3"], "join"),
    (["--node-id=1", "--data-dir=d", "--node-id=2"], "given twice"),
    (["--node-id=1", "--data-dir=d", "--log.segment-size=1KiB"], "at least 12KiB"),
])
def test_settings_that_are_wrong_end_with_exit_code_2(program, tmp_path, flags, words):
    assert words in complaint_of(run(program, *flags, cwd=tmp_path), USAGE)
    assert not list(tmp_path.iterdir())


def test_unknown_keys_of_the_file_and_misspelt_variables_are_errors(program, tmp_path):
    file = tmp_path / "node.yaml"
    file.write_text("node-id: 1\ndata_dir: d\nraft:\n  tik: 5ms\n")
    text = complaint_of(run(program, f"--config={file}"), USAGE)
    assert "line 4" in text and "did you mean raft.tick" in text
    result = run(program, env={"FLOTILLA_DATADIR": "d"})
    assert "did you mean FLOTILLA_DATA_DIR" in complaint_of(result, USAGE)


def test_check_and_print_config_do_nothing_else(program, tmp_path):
    flags = loopback_flags(tmp_path / "data")
    checked = run(program, *flags, "--check-config")
    assert (checked.returncode, checked.stdout) == (0, "the settings are valid\n")
    printed = run(program, *flags, "--print-config", env={"FLOTILLA_RAFT_TICK": "20ms"})
    assert "raft.tick: 20ms  # environment FLOTILLA_RAFT_TICK\n" in printed.stdout
    assert "node-id: 1  # flag --node-id\n" in printed.stdout
    assert "log-level: info  # default\n" in printed.stdout
    assert not list(tmp_path.iterdir())
    file = tmp_path / "node.yaml"
    file.write_text(printed.stdout)
    assert run(program, f"--config={file}", "--check-config").returncode == 0


def test_a_port_in_use_is_named_and_the_folder_left_alone(program, tmp_path):
    for door in range(3):
        ports = free_ports(3)
        with contextlib.closing(socket.socket()) as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", ports[door]))
            taken.listen()
            result = run(program, *loopback_flags(tmp_path / "data", ports))
        text = complaint_of(result, ADDRESS)
        assert f"127.0.0.1:{ports[door]}" in text and "in use" in text
        assert not (tmp_path / "data").exists()


def test_an_address_of_another_machine_is_refused(program, tmp_path):
    flags = [flag for flag in loopback_flags(tmp_path / "data") if "--listen-client" not in flag]
    result = run(program, *flags, "--insecure", "--listen-client=192.0.2.1:6170")
    assert "192.0.2.1" in complaint_of(result, ADDRESS)


def test_two_processes_never_share_a_folder(program, make_cluster):
    node = make_cluster(1).start().nodes[0]
    complaint_of(run(program, *loopback_flags(node.folder)), DATA_FOLDER)
    node.kv.Put(api.kv.PutRequest(key=b"k", value=b"v"), timeout=5)


def test_a_folder_of_another_node_or_of_something_else_is_refused(program, make_cluster, tmp_path):
    node = make_cluster(1).start().nodes[0]
    assert node.terminate() == 0
    text = complaint_of(run(program, *loopback_flags(node.folder, node_id=9)), DATA_FOLDER)
    assert "node 1" in text and "node 9" in text

    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").write_bytes(b"meow")
    complaint_of(run(program, *loopback_flags(foreign)), DATA_FOLDER)
    assert [entry.name for entry in foreign.iterdir() if entry.name != "LOCK"] == ["cat.jpg"]


def test_a_folder_of_another_cluster_is_refused(make_cluster, tmp_path):
    other = make_cluster(1, ["--node-id=2"], tmp_path / "other").start()
    stranger = other.nodes[0]
    assert stranger.terminate() == 0
    cluster = make_cluster().start()
    impostor = cluster.nodes[1]
    impostor.kill()
    shutil.rmtree(impostor.folder)
    shutil.copytree(stranger.folder, impostor.folder)
    impostor.start()
    assert impostor.process.wait(timeout=30) == 3
    said = impostor.log_path.read_text()
    assert "belongs to another cluster" in said
    assert "check --data-dir" in said
    cluster.nodes.remove(impostor)
    cluster.wait_until_ready()


def test_a_damaged_identity_and_a_newer_format_are_refused_by_name(program, make_cluster):
    node = make_cluster(1).start().nodes[0]
    assert node.terminate() == 0
    identity = node.folder / "IDENTITY"
    intact = identity.read_bytes()
    identity.write_bytes(intact[:5] + bytes([intact[5] ^ 1]) + intact[6:])
    assert "IDENTITY" in complaint_of(run(program, *loopback_flags(node.folder)), DATA_FOLDER)
    # The second byte of every format is its version.
    identity.write_bytes(intact[:1] + b"\x63" + intact[2:])
    assert "IDENTITY" in complaint_of(run(program, *loopback_flags(node.folder)), DATA_FOLDER)
    identity.write_bytes(intact)
    assert node.start() and wait_until(node.is_ready, "the intact folder serves")


def test_a_file_in_place_of_the_folder_is_refused(program, tmp_path):
    (tmp_path / "file").write_text("no folder")
    complaint_of(run(program, *loopback_flags(tmp_path / "file")), DATA_FOLDER)
    complaint_of(run(program, *loopback_flags(tmp_path / "file" / "below")), DATA_FOLDER)


def test_too_few_descriptors_are_refused_and_few_still_serve(program, make_cluster, tmp_path):
    def limit(count):
        return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    result = run(program, *loopback_flags(tmp_path / "data"), preexec_fn=limit(100))
    assert "100" in complaint_of(result, LIMITS)
    node = make_cluster(1).nodes[0].start(preexec_fn=limit(256))
    wait_until(node.is_ready, "it is ready")
    survive_a_flood(node, connections=600)


def test_a_flood_of_connections_is_turned_away_and_clients_are_served(make_cluster):
    node = make_cluster(1, ["--max-connections=100"]).start().nodes[0]
    survive_a_flood(node, connections=2500)


def survive_a_flood(node, connections):
    host, port = node.client.split(":")
    node.kv.Put(api.kv.PutRequest(key=b"before", value=b"v"), timeout=5)
    with contextlib.ExitStack() as flood:
        for _ in range(connections):
            connection = flood.enter_context(contextlib.closing(socket.socket()))
            connection.setblocking(False)
            connection.connect_ex((host, int(port)))
        wait_until(lambda: refused_connections(node) > connections / 10, "most are turned away")
        # Who was in before goes on.
        node.kv.Put(api.kv.PutRequest(key=b"during", value=b"v"), timeout=5)
    # And afterwards newcomers are let in again.
    def newcomer():
        with grpc.insecure_channel(node.client) as channel:
            return api.kv_service.KvServiceStub(channel).Get(
                api.kv.GetRequest(key=b"during"), timeout=2)
    assert retry(newcomer).row.value == b"v"


def refused_connections(node):
    page = node.get_page("/metrics")[1]
    for line in page.splitlines():
        if line.startswith('flotilla_connections_refused_total{port="client"}'):
            return int(line.split()[-1])
    return 0


def test_a_stop_during_start_is_clean_at_any_moment(make_cluster):
    node = make_cluster(1).nodes[0]
    for delay_ms in (0, 1, 2, 5, 10, 20, 40, 80, 160, 320):
        node.log_path.write_text("")
        node.start()
        wait_until(lambda: node.has_logged("starting"), "it runs")
        time.sleep(delay_ms / 1000)
        assert node.terminate() == 0, node.log_path.read_text()
    assert node.start() and wait_until(node.is_ready, "it serves after all of that")


def test_a_node_that_looks_for_its_cluster_stops_at_once(make_cluster):
    lonely = make_cluster().nodes[0].start()
    wait_until(lambda: lonely.has_logged("started"), "it runs")
    began = time.monotonic()
    assert lonely.terminate() == 0
    assert time.monotonic() - began < 5


def test_open_streams_do_not_hold_up_a_stop(make_cluster):
    node = make_cluster(1).start().nodes[0]
    message = api.kv.PipelineRequest()
    message.operations.add(id=1).put.key = b"k"
    stopped = False

    def endless():
        yield message
        while not stopped:
            time.sleep(0.05)

    replies = node.kv.Pipeline(endless())
    assert next(replies).results[0].put.version > 0
    began = time.monotonic()
    code = node.terminate()
    stopped = True
    assert code == 0
    assert time.monotonic() - began < 5


def test_a_second_signal_ends_a_stop_that_hangs(make_cluster):
    cluster = make_cluster(flags=["--stop-timeout=30s"]).start()
    leader = cluster.leader()
    # Frozen peers: nobody takes the leadership, and the stop waits for its whole limit.
    for node in cluster.followers():
        node.process.send_signal(signal.SIGSTOP)
    leader.process.send_signal(signal.SIGTERM)
    wait_until(lambda: leader.has_logged("stopping"), "it stops")
    leader.process.send_signal(signal.SIGTERM)
    assert leader.process.wait(timeout=10) in (0, STOP_OVERDUE)


@contextlib.contextmanager
def small_disk(folder, megabytes, options=""):
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m{options}", "tmpfs", folder],
                   check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@as_root
def test_a_read_only_folder_is_refused(program, tmp_path):
    with small_disk(tmp_path / "disk", 10, ",ro") as disk:
        for folder in (disk, disk / "data"):
            complaint_of(run(program, *loopback_flags(folder)), DATA_FOLDER)


@as_root
def test_a_node_on_a_disk_that_is_full_from_the_start_says_so_and_waits(make_cluster, tmp_path):
    with small_disk(tmp_path / "disk", 4) as disk:
        node = make_cluster(1, folder=disk).nodes[0]
        node.log_path = tmp_path / "node.log"  # what it says is not to fall victim to the disk
        node.start()
        wait_until(lambda: node.has_logged("replica_founding_failed"), "it says why it waits")
        assert not node.is_ready()
        assert node.terminate() == 0


@as_root
def test_a_full_disk_refuses_writes_serves_reads_and_recovers(make_cluster, tmp_path):
    with small_disk(tmp_path / "disk", 200) as disk:
        cluster = make_cluster(1, folder=disk)
        node = cluster.nodes[0]
        node.log_path = tmp_path / "node.log"
        cluster.start()
        node.kv.Put(api.kv.PutRequest(key=b"kept", value=b"safe"), timeout=5)
        ballast = disk / "ballast"
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 20))
        wait_until(lambda: node.has_logged("disk_low"), "it notices")
        acknowledged, error = write_until_refused(node)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, error
        assert error_of(error).reason == api.error.REASON_DISK_FULL
        assert error_of(error).outcome == api.error.OUTCOME_NOT_APPLIED
        assert "disk" in error.details()
        assert node.kv.Get(api.kv.GetRequest(key=b"kept"), timeout=5).row.value == b"safe"
        wait_until(lambda: "[-]disk failed" in node.get_page("/readyz")[1], "it is not ready")

        ballast.unlink()
        put = api.kv.PutRequest(key=b"again", value=b"v")
        retry(lambda: node.kv.Put(put, timeout=5), seconds=30)
        node.kill()
        node.start()
        wait_until(node.is_ready, "it is back")
        for i in range(acknowledged):
            assert node.kv.Get(api.kv.GetRequest(key=b"fill%d" % i), timeout=5).HasField("row")
        node.kill()


def write_until_refused(node):
    for i in range(3000):
        try:
            node.kv.Put(api.kv.PutRequest(key=b"fill%d" % i, value=b"v" * 500_000), timeout=10)
        except grpc.RpcError as error:
            return i, error
    raise AssertionError("nothing was refused")


def test_a_wiped_node_under_a_known_number_is_refused_by_its_peers(make_cluster):
    cluster = make_cluster().start()
    victim = cluster.followers()[0]
    victim.kill()
    shutil.rmtree(victim.folder)
    victim.start()
    wait_until(lambda: "incarnation" in victim.get_page("/readyz")[1]
               or victim.has_logged("join_failed"), "it learns that it is refused", 20)
    assert not victim.is_ready()
    cluster.nodes.remove(victim)
    try:
        put = api.kv.PutRequest(key=b"k", value=b"v")
        retry(lambda: cluster.nodes[0].kv.Put(put, timeout=5))
    finally:
        victim.kill()

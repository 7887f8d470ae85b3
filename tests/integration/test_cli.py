"""The command-line tool against real nodes."""

import json
import signal
import subprocess

import pytest


@pytest.fixture
def flotilla(program, shared_cluster):
    """Runs a command on the shared cluster; returns the finished process."""
    endpoints = ",".join(node.client for node in shared_cluster.nodes)

    def run(*args, stdin="", on=endpoints, timeout=60):
        return subprocess.run(
            [program.parent / "flotilla", "--endpoints", on, *args], input=stdin,
            capture_output=True, text=True, timeout=timeout, check=False)

    yield run
    run("del", "--from", "", "--to", "~")


def output_of(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_data_command_works(flotilla):
    assert flotilla("put", "greeting", "hello").returncode == 0
    assert output_of(flotilla("get", "greeting")) == "hello\n"
    assert output_of(flotilla("append", "greeting", " there")).strip().isdigit()
    swapped = flotilla("cas", "greeting", "hi", "--if-value", "hello there")
    assert output_of(swapped).startswith("true\t")
    assert flotilla("cas", "greeting", "x", "--if-absent").returncode == 3
    assert output_of(flotilla("incr", "n", "--by", "5")) == "5\n"
    assert output_of(flotilla("incr", "n", "--by", "-7")) == "-2\n"
    assert output_of(flotilla("mget", "n", "greeting")) == "n\t-2\ngreeting\thi\n"
    assert output_of(flotilla("scan")) == "greeting\thi\nn\t-2\n"
    assert output_of(flotilla("scan", "--reverse", "--keys-only")) == "n\ngreeting\n"
    assert output_of(flotilla("scan", "--count")) == "2\n"
    row = json.loads(output_of(flotilla("get", "n", "--stale", "-o", "json")))
    assert row["value"] == "-2" and row["lag_ms"] >= 0
    assert output_of(flotilla("del", "n")) == "1\n"
    assert flotilla("get", "n").returncode == 3


def test_transactions_take_one_side(flotilla):
    txn = json.dumps({"if": [{"key": "{a}lock", "absent": True}],
                      "then": [{"put": "{a}lock", "value": "me"}, {"increment": "{a}n", "by": 2}],
                      "else": [{"append": "{a}log", "value": "busy"}]})
    assert flotilla("txn", txn).returncode == 0
    assert flotilla("txn", stdin=txn).returncode == 3
    assert output_of(flotilla("mget", "{a}lock", "{a}n", "{a}log")) == \
        "{a}lock\tme\n{a}n\t2\n{a}log\tbusy\n"


def test_errors_say_what_why_and_what_to_do(flotilla):
    done = flotilla("incr", "word")
    flotilla("put", "word", "word")
    done = flotilla("incr", "word")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error", "why", "try"]
    assert "NOT_A_NUMBER (not applied)" in done.stderr
    too_large = flotilla("put", "k" * 5000, "v")
    assert too_large.returncode == 2 and "INVALID_REQUEST" in too_large.stderr
    slots = flotilla("txn", '{"then":[{"delete":"a"},{"delete":"b"}]}')
    assert slots.returncode == 2, slots.stderr


def test_what_is_exported_can_be_imported(flotilla, tmp_path):
    records = [{"key": f"r/{i:05}", "value": "x" * (i % 300)} for i in range(5000)]
    text = "".join(json.dumps(record) + "\n" for record in records)
    assert "imported 5,000 records" in flotilla("import", stdin=text).stderr
    out = tmp_path / "out.jsonl"
    assert flotilla("export", "--prefix", "r/", str(out)).returncode == 0
    assert [json.loads(line) for line in out.read_text().splitlines()] == records
    assert output_of(flotilla("del", "--prefix", "r/")) == "5000\n"
    assert flotilla("import", str(out)).returncode == 0
    assert output_of(flotilla("scan", "r/", "--count")) == "5000\n"


def test_an_export_whose_reader_leaves_ends_quietly(flotilla, program, shared_cluster):
    for i in range(4):
        output_of(flotilla("put", f"big{i}", stdin="v" * 500_000))
    with subprocess.Popen(
            [program.parent / "flotilla", "--endpoints", shared_cluster.nodes[0].client, "export"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as export:
        assert export.stdout.read(1)
        export.stdout.close()
        assert export.wait(60) == -signal.SIGPIPE
        assert export.stderr.read() == b""


def test_input_that_cannot_be_read_is_an_error(program, tmp_path):
    for command in (f"put k < {tmp_path}", "put k <&-", f"txn < {tmp_path}"):
        done = subprocess.run(f"{program.parent / 'flotilla'} {command}", shell=True,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2, done.stderr
        assert "standard input cannot be read" in done.stderr


def test_scans_go_on_where_a_limit_ended_them(flotilla):
    for key in "abcde":
        flotilla("put", key, key)
    first = flotilla("scan", "--limit", "3", "--page-size", "2")
    assert output_of(first) == "a\ta\nb\tb\nc\tc\n"
    token = first.stderr.split()[-1]
    assert output_of(flotilla("scan", "--page-token", token)) == "d\td\ne\te\n"
    other_range = flotilla("scan", "--from", "b", "--page-token", token)
    assert other_range.returncode == 2, other_range.stderr


def test_the_cluster_describes_itself(flotilla, shared_cluster):
    # One address is enough.
    done = flotilla("cluster", "status", "--wait", "20s", "-o", "json",
                    on=shared_cluster.nodes[1].client)
    status = json.loads(output_of(done))
    assert status["healthy"] and status["problems"] == []
    assert [node["node_id"] for node in status["nodes"]] == [1, 2, 3]
    roles = sorted(node["replicas"][0]["role"] for node in status["nodes"])
    assert roles == ["follower", "follower", "leader"]


def test_without_a_cluster_the_tool_says_so_in_time(flotilla):
    done = flotilla("put", "k", "v", "--timeout", "500ms", on="127.0.0.1:1", timeout=10)
    assert done.returncode == 4
    assert "UNREACHABLE (not applied)" in done.stderr


def test_without_a_majority_writes_fail_and_say_so(program, make_cluster):
    cluster = make_cluster().start()
    endpoints = ",".join(node.client for node in cluster.nodes)
    for node in cluster.followers():
        node.kill()
    done = subprocess.run(
        [program.parent / "flotilla", "--endpoints", endpoints, "--timeout", "3s", "put", "k", "v"],
        capture_output=True, text=True, timeout=30, check=False)
    # A write that reached a leader without followers may still be committed by them later.
    assert done.returncode in (4, 6), done.stderr
    done = subprocess.run(
        [program.parent / "flotilla", "--endpoints", endpoints, "cluster", "status"],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 4 and "does not answer" in done.stdout


def test_the_log_of_a_node_can_be_printed(program, make_cluster):
    cluster = make_cluster(size=1).start()
    node = cluster.nodes[0]
    assert node.terminate() == 0
    folders = [path.parent for path in node.folder.rglob("*.wal")]
    assert folders, list(node.folder.rglob("*"))
    done = subprocess.run([program.parent / "flotilla", "debug", "wal", "dump", folders[0]],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and done.stdout, done.stderr

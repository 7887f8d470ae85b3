"""The wall clock of running processes jumps by hours (libfaketime); the monotonic clock, as on a
real machine, does not."""

import os

import pytest

from api import api
from cluster import retry, wait_until

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
HOUR = 3600


class WallClocks:
    """One file with an offset per node, which its process reads with every look at a clock."""

    def __init__(self, folder):
        self.folder = folder

    def _file(self, node):
        return self.folder / f"clock{node.number}"

    def environment(self, node):
        self.set(node, 0)
        return dict(os.environ, LD_PRELOAD=LIBRARY, FAKETIME_NO_CACHE="1",
                    FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_TIMESTAMP_FILE=str(self._file(node)))

    def set(self, node, seconds):
        replacement = self.folder / "new"
        replacement.write_text(f"{seconds:+d}s\n")
        replacement.rename(self._file(node))


@pytest.fixture
def clocks(tmp_path):
    assert os.path.exists(LIBRARY), "scripts/setup installs faketime"
    return WallClocks(tmp_path)


def stamp(node):
    return node.log_events()[-1]["ts"]


def test_wall_clocks_that_jump_by_hours_disturb_nothing(make_cluster, clocks):
    cluster = make_cluster()
    for node in cluster.nodes:
        node.start(env=clocks.environment(node))
    cluster.wait_until_ready()
    leader = cluster.leader()
    session = retry(lambda: leader.kv.OpenSession(api.kv.OpenSessionRequest(), timeout=5))

    def role_changes():
        return [line for node in cluster.nodes for line in node.log_events()
                if line["event"] == "role_changed"]

    def increment(node, number):
        header = api.kv.RequestHeader(session_token=session.session_token, sequence=number)
        request = api.kv.IncrementRequest(header=header, key=b"count", delta=1)
        return retry(lambda: node.kv.Increment(request, timeout=5)).value

    before = role_changes()
    number = 0
    for offset in (5 * HOUR, -3 * HOUR, 0):
        for jumping in cluster.nodes:
            clocks.set(jumping, offset)
            for node in cluster.nodes:
                number += 1
                assert increment(node, number) == number
    # Nobody timed out, nobody campaigned, no session expired: the first try of the last one again.
    assert increment(leader, number) == number
    assert cluster.leader() is leader
    assert role_changes() == before


def test_the_jump_reaches_the_process(make_cluster, clocks):
    """That the test above tests something: log lines carry the wall clock."""
    node = make_cluster(1).nodes[0]
    node.start(env=clocks.environment(node))
    wait_until(node.is_ready, "it is ready")
    before = stamp(node)
    clocks.set(node, 48 * HOUR)
    node.process.terminate()
    assert node.process.wait(timeout=30) == 0
    assert stamp(node)[:10] > before[:10]

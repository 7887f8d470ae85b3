"""The C++ client library against real nodes that are killed under it."""

import os
import subprocess
import threading
import time

import pytest

TEST_SECONDS = 12


@pytest.fixture(scope="module")
def client_test(program):
    """The C++ program with the tests (client_test.cc)."""
    found = program.parents[1] / "tests/integration/client_integration_test"
    assert found.exists(), f"{found} is not built"
    return found


def run(client_test, cluster, test_filter):
    endpoints = ",".join(node.client for node in cluster.nodes)
    environment = {**os.environ, "FLOTILLA_ENDPOINTS": endpoints,
                   "FLOTILLA_TEST_SECONDS": str(TEST_SECONDS)}
    done = subprocess.run([client_test, f"--gtest_filter={test_filter}"], env=environment,
                          capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ]" in done.stdout and " 0 tests." not in done.stdout, done.stdout
    return done.stdout


def test_the_client_keeps_its_contract_on_a_real_cluster(client_test, shared_cluster):
    run(client_test, shared_cluster, "RealCluster/*")


def test_nothing_is_lost_or_repeated_while_leaders_are_killed(client_test, cluster):
    failures = []

    def kill_leaders():
        try:
            for _ in range(2):
                time.sleep(TEST_SECONDS / 4)
                victim = cluster.leader()
                victim.kill()
                time.sleep(1)
                victim.start()
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    killer = threading.Thread(target=kill_leaders)
    killer.start()
    try:
        print(run(client_test, cluster, "ClientUnderKills.*"))
    finally:
        killer.join()
    assert not failures

"""Fixtures of the tests that run real processes."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pytest  # noqa: E402

import api  # noqa: E402
from cluster import Cluster  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--flotillad", required=True, help="the program under test")


@pytest.fixture(scope="session", autouse=True)
def _generated_api(tmp_path_factory):
    api.generate(tmp_path_factory.mktemp("api"))


@pytest.fixture(scope="session")
def program(request):
    return pathlib.Path(request.config.getoption("--flotillad")).resolve()


@pytest.fixture
def make_cluster(program, tmp_path):
    """Makes clusters that are not started yet, and leaves nothing running."""
    clusters = []

    def make(size=3, flags=(), folder=tmp_path):
        clusters.append(Cluster(program, folder, size, flags))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.stop()


@pytest.fixture
def cluster(make_cluster):
    """Three nodes that serve."""
    return make_cluster().start()


@pytest.fixture(scope="module")
def shared_cluster(program, tmp_path_factory):
    """Three nodes that serve, for all tests of a module that leave them well."""
    nodes = Cluster(program, tmp_path_factory.mktemp("shared"))
    yield nodes.start()
    nodes.stop()


@pytest.fixture(scope="module")
def shared_node(program, tmp_path_factory):
    """One node that serves, for all tests of a module that leave it well."""
    single = Cluster(program, tmp_path_factory.mktemp("shared"), size=1)
    yield single.start().nodes[0]
    single.stop()

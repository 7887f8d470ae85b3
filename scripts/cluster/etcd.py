"""etcd to measure against: its newest release from the Go modules, else Debian's package.

It is kept in ${XDG_CACHE_HOME:-~/.cache}/flotilla and reused; delete that folder for a newer one.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from cluster import addresses, processes

MODULE = "go.etcd.io/etcd/server/v3@latest"
DEBIAN_PACKAGE = "etcd-server"
# One minute on two cores from an empty module cache.
BUILD_SECONDS_MAX = 600
START_SECONDS_MAX = 30


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "flotilla"


def program():
    """The path of etcd, got first if need be."""
    path = cache_folder() / "etcd"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            built = _from_go_modules(scratch) or _from_debian(scratch)
            os.replace(built, path)
    return path


def version(path):
    output = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"etcd Version: (\S+)", output).group(1)


def _from_go_modules(scratch):
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if not go:
        return None
    print("etcd: building the newest release from its Go modules (a minute)", flush=True)
    environment = dict(os.environ, CGO_ENABLED="0", GOBIN=str(scratch))
    try:
        for step in (["mod", "init", "etcd"], ["get", "-tool", MODULE], ["install", "tool"]):
            subprocess.run([go, *step], cwd=scratch, env=environment, check=True, text=True,
                           capture_output=True, timeout=BUILD_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        print("etcd: its Go modules did not build in time", flush=True)
        return None
    except subprocess.CalledProcessError as error:
        print("etcd: its Go modules did not build:", error.stderr.strip()[-500:], flush=True)
        return None
    return pathlib.Path(scratch) / "server"


def _from_debian(scratch):
    """Unpacks Debian's package beside the system: installing it would start a service."""
    print("etcd: taking Debian's", DEBIAN_PACKAGE, flush=True)
    subprocess.run(["apt-get", "-qq", "download", DEBIAN_PACKAGE], cwd=scratch, check=True,
                   stderr=subprocess.DEVNULL)
    package, = pathlib.Path(scratch).glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, scratch], check=True)
    return pathlib.Path(scratch) / "usr" / "bin" / "etcd"


class EtcdCluster:
    """Three etcd servers with default settings (fsync on), on loopback. A context manager."""

    def __init__(self, path, folder, nodes=3):
        host = addresses.free_loopback_host()
        ports = addresses.free_ports(host, 2 * nodes)
        self._client_ports, self._peer_ports = ports[:nodes], ports[nodes:]
        self._host, self._program, self._folder = host, path, pathlib.Path(folder)
        self._processes = []

    @property
    def endpoints(self):
        return [f"{self._host}:{port}" for port in self._client_ports]

    @property
    def pids(self):
        return [process.pid for process in self._processes]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self.stop)
            for number in range(len(self._client_ports)):
                self._processes.append(self._start(number))
            processes.wait_until(self._is_ready, START_SECONDS_MAX, "etcd gets ready")
            stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def leader_endpoint(self):
        """The endpoint whose server says that it leads."""
        for endpoint in self.endpoints:
            metrics = addresses.http_get(endpoint, "/metrics")
            if re.search(r"^etcd_server_is_leader 1$", metrics, re.MULTILINE):
                return endpoint
        return None

    def _is_ready(self):
        healthy = ('"true"' in addresses.http_get(each, "/health") for each in self.endpoints)
        return all(healthy) and self.leader_endpoint()

    def _start(self, number):
        names = [f"etcd{index + 1}" for index in range(len(self._client_ports))]
        peers = [f"http://{self._host}:{port}" for port in self._peer_ports]
        client = f"http://{self._host}:{self._client_ports[number]}"
        folder = self._folder / names[number]
        folder.mkdir(parents=True)
        return processes.start([
            self._program, "--name", names[number], "--data-dir", folder / "data",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peers[number], "--initial-advertise-peer-urls", peers[number],
            "--initial-cluster", ",".join("=".join(pair) for pair in zip(names, peers)),
            "--initial-cluster-state", "new", "--log-level", "error",
        ], folder / "log")


"""Three nodes of docker-compose.yml, as a project of their own that can be broken at will."""

import json
import os
import shutil
import subprocess

from cluster import addresses, processes
from cluster.client import Client
from cluster.local_cluster import PROGRAMS, ROOT

HOST = "127.0.0.1"
NODES = {1: "node1", 2: "node2", 3: "node3"}
PUBLISHED = ("NODE1_CLIENT_PORT", "NODE1_HTTP_PORT", "NODE2_CLIENT_PORT", "NODE2_HTTP_PORT",
             "NODE3_CLIENT_PORT", "NODE3_HTTP_PORT")
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
HEALTHY_SECONDS_MAX = 120


def compose_program():
    """Compose v2, else 1.29; None when there is neither, or no Docker that answers."""
    for program in (["docker", "compose"], ["docker-compose"]):
        if all(shutil.which(name) for name in ("docker", program[0])):
            checks = ([*program, "version"], ["docker", "info"])
            if all(subprocess.run(check, capture_output=True, check=False).returncode == 0
                   for check in checks):
                return program
    return None


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


class ComposeCluster:
    """A context manager that takes everything down again, volumes included.

    The client and the load run in a container beside the nodes, which know each other by names that
    mean nothing outside.
    """

    def __init__(self, compose, project):
        self._compose, self._project = compose, project
        ports = addresses.free_ports(HOST, len(PUBLISHED))
        self._environment = {**os.environ, **dict(zip(PUBLISHED, map(str, ports)))}
        self.endpoints = [f"{name}:6170" for name in NODES.values()]
        self._bystander = None
        self.client = None

    def __enter__(self):
        try:
            self._run_compose("up", "--detach", "--no-build")
            self._network, = docker("network", "ls", "--quiet", "--filter",
                                    f"label={PROJECT_LABEL}={self._project}").split()
            self._bystander = docker(
                "run", "--detach", "--label", f"{PROJECT_LABEL}={self._project}",
                "--network", self._network, "--entrypoint", "sleep", self._image(), "infinity")
            docker("cp", "--quiet", str(PROGRAMS / "history_recorder"),
                   f"{self._bystander}:/usr/local/bin/")
            self.client = Client(self.command("flotilla"), self.endpoints)
            for node_id in NODES:
                self.wait_healthy(node_id)
        except BaseException:
            self.take_down()
            raise
        return self

    def __exit__(self, *_):
        self.take_down()

    def take_down(self):
        if self._bystander:
            docker("rm", "--force", self._bystander)
        self._run_compose("down", "--volumes", "--remove-orphans")

    def command(self, program):
        """How to run a program beside the nodes."""
        return ["docker", "exec", "--interactive", self._bystander, program]

    def fetch(self, path, target):
        """Copies a file that such a program wrote."""
        docker("cp", "--quiet", f"{self._bystander}:{path}", str(target))

    def kill(self, node_id):
        docker("kill", "--signal", "KILL", self._container(node_id))

    def start(self, node_id):
        docker("start", self._container(node_id))

    def cut(self, node_id):
        """Takes the node's network away. What it sends and what is sent to it vanishes."""
        docker("network", "disconnect", self._network, self._container(node_id))

    def mend(self, node_id):
        """Gives it back, perhaps with another address, under the same name."""
        docker("network", "connect", "--alias", NODES[node_id], self._network,
               self._container(node_id))

    def run_inside(self, node_id, *command):
        """The exit code of a command in the node's own container, and what it wrote."""
        result = subprocess.run(["docker", "exec", self._container(node_id), *command],
                                check=False, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=60)
        return result.returncode, result.stdout

    def wait_healthy(self, node_id):
        def healthy():
            state = json.loads(docker("inspect", "--format", "{{json .State}}",
                                      self._container(node_id)))
            return state["Running"] and state["Health"]["Status"] == "healthy"

        try:
            processes.wait_until(healthy, HEALTHY_SECONDS_MAX, f"node {node_id} gets healthy", 0.2)
        except TimeoutError:
            print(docker("logs", "--tail", "20", self._container(node_id)))
            raise

    def _container(self, node_id):
        """Found by the labels that both versions of Compose set; their names differ."""
        return docker("ps", "--all", "--quiet", "--no-trunc",
                      "--filter", f"label={PROJECT_LABEL}={self._project}",
                      "--filter", f"label={SERVICE_LABEL}={NODES[node_id]}")

    def _image(self):
        return docker("inspect", "--format", "{{.Config.Image}}", self._container(1))

    def _run_compose(self, *arguments):
        subprocess.run([*self._compose, "--project-name", self._project, *arguments], check=True,
                       cwd=ROOT, env=self._environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

"""Flotilla's command-line client, as a script uses it."""

import json
import subprocess

from cluster import processes

COMMAND_SECONDS_MAX = 60
BULK_SECONDS_MAX = 600
WAIT_SECONDS_MAX = 60


class Client:
    """Runs `flotilla` against the nodes of one cluster. `command` starts the program."""

    def __init__(self, command, endpoints):
        self._command = [*map(str, command), "--endpoints", ",".join(endpoints)]

    def run(self, *arguments, timeout=COMMAND_SECONDS_MAX):
        """What the command prints; CalledProcessError when it fails."""
        return subprocess.run([*self._command, *map(str, arguments)], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=timeout).stdout

    def rows(self, prefix):
        """All keys below a prefix with their values, in the order of the scan."""
        lines = self.run("-o", "json", "scan", prefix, timeout=BULK_SECONDS_MAX)
        return {row["key"]: row["value"] for row in map(json.loads, lines.splitlines())}

    def values(self, keys):
        """The values of these keys; CalledProcessError when one is missing."""
        lines = self.run("-o", "json", "mget", *keys)
        return {row["key"]: row["value"] for row in map(json.loads, lines.splitlines())}

    def statuses(self):
        """What each node says of itself, by node id; without those that hold no replica."""
        return {node["node_id"]: node for node in self._nodes() if node.get("replicas")}

    def phases(self):
        """What each node that answers is about ("serving"), by node id."""
        return {node["node_id"]: node["phase"] for node in self._nodes() if "phase" in node}

    def _nodes(self):
        result = subprocess.run([*self._command, "-o", "json", "cluster", "status"], check=False,
                                capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX)
        return json.loads(result.stdout)["nodes"] if result.stdout.strip() else []

    def leader(self):
        """The leader's node id, waited for."""
        return processes.wait_until(lambda: leader_of(self.statuses()), WAIT_SECONDS_MAX,
                                    "a leader shows")

    def wait_until_caught_up(self, node_id):
        """Until a node has applied all that its leader had committed when this was called."""
        wanted = committed(self.statuses())
        processes.wait_until(lambda: applied(self.statuses()).get(node_id, 0) >= wanted,
                             WAIT_SECONDS_MAX, f"node {node_id} catches up")

    def wait_until_all_agree(self, nodes):
        """Until so many nodes have applied the same; returns how far. Nobody may write."""
        def agreed():
            indexes = list(applied(self.statuses()).values())
            return len(indexes) == nodes and len(set(indexes)) == 1 and indexes[0]

        return processes.wait_until(agreed, WAIT_SECONDS_MAX, "all nodes agree")


def leader_of(statuses):
    """The node id of the leader of the newest term that any node reports; None without one."""
    leaders = [(replica["term"], node_id) for node_id, node in statuses.items()
               for replica in node["replicas"] if replica["role"] == "leader"]
    return max(leaders)[1] if leaders else None


def committed(statuses):
    """How far any node knows the log to be committed."""
    return max(replica["commit_index"] for node in statuses.values()
               for replica in node["replicas"])


def applied(statuses):
    """How far each node has applied the log."""
    return {node_id: min(replica["applied_index"] for replica in node["replicas"])
            for node_id, node in statuses.items()}

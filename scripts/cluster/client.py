"""Flotilla's command-line client, as a script uses it."""

import collections
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
        """The node that leads most shards, waited for until each shard is led."""
        return processes.wait_until(lambda: leader_of(self.statuses()), WAIT_SECONDS_MAX,
                                    "leaders show")

    def wait_until_caught_up(self, node_id):
        """Until a node has applied all that was known to be committed when this was called."""
        wanted = committed(self.statuses())

        def caught_up():
            has = applied(self.statuses()).get(node_id, {})
            return has and all(index >= wanted.get(shard, 0) for shard, index in has.items())

        processes.wait_until(caught_up, WAIT_SECONDS_MAX, f"node {node_id} catches up")

    def wait_until_all_agree(self, nodes):
        """Until so many nodes have applied the same of every shard; returns how many entries in
        all. Nobody may write."""
        def agreed():
            states = list(applied(self.statuses()).values())
            return (len(states) == nodes and all(state == states[0] for state in states)
                    and sum(states[0].values()))

        return processes.wait_until(agreed, WAIT_SECONDS_MAX, "all nodes agree")


def leader_of(statuses):
    """The node that leads most shards; None while a shard has no leader."""
    shards, leaders = set(), {}
    for node_id, node in statuses.items():
        for replica in node["replicas"]:
            shards.add(replica["shard_id"])
            if replica["role"] == "leader":
                led = (replica["term"], node_id)
                leaders[replica["shard_id"]] = max(led, leaders.get(replica["shard_id"], led))
    if not shards or len(leaders) < len(shards):
        return None
    led_by = collections.Counter(node_id for _, node_id in leaders.values())
    return led_by.most_common(1)[0][0]


def committed(statuses):
    """How far any node knows the log of each shard to be committed."""
    known = {}
    for node in statuses.values():
        for replica in node["replicas"]:
            shard = replica["shard_id"]
            known[shard] = max(known.get(shard, 0), replica["commit_index"])
    return known


def applied(statuses):
    """How far each node has applied the log of each shard."""
    return {node_id: {replica["shard_id"]: replica["applied_index"]
                      for replica in node["replicas"]}
            for node_id, node in statuses.items()}

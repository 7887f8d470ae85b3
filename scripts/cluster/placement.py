"""Where the shards of a cluster are, and what its balancer does about it."""

import collections
import dataclasses
import datetime
import json
import re
import subprocess
import time

RING_SLOTS = 16384
# What a log says of a replica that is made on another node. The directory has no number there.
_MOVE = re.compile(r"(?:move|add) shard (\d+) (?:from node \d+ )?to node \d+")


def shards_of(cluster):
    """What `flotilla shard list` says, by shard id."""
    shards = json.loads(cluster.client.run("shard", "list", "--json"))["shards"]
    return {shard["shard_id"]: shard for shard in shards}


def nodes_of(cluster):
    """What `flotilla node list` says, by node id."""
    nodes = json.loads(cluster.client.run("node", "list", "--json"))["nodes"]
    return {node["node_id"]: node for node in nodes}


def replica_counts(cluster):
    """How many replicas each node has, the directory's among them."""
    return {node_id: node["replicas"] + bool(node["directory_role"])
            for node_id, node in nodes_of(cluster).items()}


def directory_leader(cluster):
    """The node that leads the directory; None while there is none."""
    return next((node_id for node_id, node in nodes_of(cluster).items()
                 if node["directory_role"] == "leader"), None)


def steps_under_way(cluster):
    """What the balancer is about, in words; None when nobody can tell."""
    try:
        output = cluster.client.run("op", "list", "--json")
    except subprocess.CalledProcessError:
        return None
    return [step["step"] for step in json.loads(output)["steps"]]


def busiest_leader(cluster, other_than):
    """The node that leads most shards."""
    leads = collections.Counter(shard["leader_node_id"] for shard in shards_of(cluster).values())
    return next(node_id for node_id, _ in leads.most_common()
                if node_id not in (other_than, 0))


@dataclasses.dataclass(frozen=True)
class Step:
    """One thing that the balancer did. Times are those of time.monotonic()."""

    text: str
    begun: float
    ended: float  # None: nobody has said that it has
    done: bool

    @property
    def shard(self):
        """The shard of which a replica was made on another node; None for other steps."""
        move = _MOVE.match(self.text)
        return int(move.group(1)) if move else None


def steps_of(nodes):
    """All steps that the logs of these nodes tell of."""
    steps = []
    for node in nodes:
        if node.log.exists():
            steps += _steps_in(node.log)
    return sorted(steps, key=lambda step: step.begun)


def _steps_in(log):
    wall_to_monotonic = time.monotonic() - time.time()
    open_steps, steps = {}, []
    for event in _events_in(log):
        at = datetime.datetime.fromisoformat(event["ts"].replace("Z", "+00:00")).timestamp()
        at += wall_to_monotonic
        if event["event"] == "step_begun":
            open_steps[event["step"]] = at
        elif event["step"] in open_steps:
            steps.append(Step(event["step"], open_steps.pop(event["step"]), at, event["done"]))
    return steps + [Step(text, begun, None, False) for text, begun in open_steps.items()]


def _events_in(log):
    """The events of a node's log that tell of steps, in their order."""
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if '"event":"step_' in line and line.endswith("}\n"):
                yield json.loads(line)


def unsettled(cluster, serving, replicas=3):
    """What is still to happen until each shard has its replicas where they belong; "" when nothing.

    `serving`: the nodes that are to have replicas.
    """
    shards = shards_of(cluster)
    if sum(shard["last_slot"] - shard["first_slot"] + 1 for shard in shards.values()) != RING_SLOTS:
        return "not every slot has one shard"
    for shard in shards.values():
        problem = _problem_of(shard, serving, replicas)
        if problem:
            return f"shard {shard['shard_id']} {problem}"
    steps = steps_under_way(cluster)
    if steps is None:
        return "nobody leads the directory"
    if steps:
        return f"{len(steps)} under way: {steps[0]}"
    counts = replica_counts(cluster)
    if sum(counts.values()) != replicas * (len(shards) + 1):
        return f"replicas by node: {counts}"
    if any(count and node_id not in serving for node_id, count in counts.items()):
        return f"replicas by node: {counts}"
    counts = [counts.get(node_id, 0) for node_id in serving]
    return "" if max(counts) - min(counts) <= 1 else f"replicas: {counts}"


def _problem_of(shard, serving, replicas):
    if shard["leader_node_id"] == 0:
        return "has no leader"
    if len(shard["replicas"]) != replicas:
        return f"has {len(shard['replicas'])} replicas"
    for replica in shard["replicas"]:
        if replica["role"] == "learner" or replica["state"] != "ok":
            return f"has node {replica['node_id']} as {replica['role']}, {replica['state']}"
        if replica["node_id"] not in serving:
            return f"is still on node {replica['node_id']}"
    return ""

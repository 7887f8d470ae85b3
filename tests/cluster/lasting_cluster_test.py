"""What `up` starts `down` finds again, and nothing else."""

import os
import socket

from cluster import addresses, processes
from cluster.lasting_cluster import Record
from cluster.local_cluster import plan


def test_a_record_remembers_nodes_and_running_processes(tmp_path):
    sleeper = processes.start(["sleep", "60"], tmp_path / "log")
    nodes = plan(tmp_path)
    Record(tmp_path).save(nodes, [sleeper.pid])
    assert Record(tmp_path).nodes == nodes
    assert Record(tmp_path).running() == [sleeper.pid]
    processes.stop(sleeper)
    assert Record(tmp_path).running() == []


def test_a_number_that_another_process_has_by_now_is_left_alone(tmp_path):
    Record(tmp_path).save([], [os.getpid()])
    record = (tmp_path / "cluster.json").read_text(encoding="utf-8")
    another = record.replace(processes.identity(os.getpid()), "another boot:1")
    (tmp_path / "cluster.json").write_text(another, encoding="utf-8")
    assert Record(tmp_path).running() == []


def test_no_record_means_no_cluster(tmp_path):
    assert Record(tmp_path).running() == []


def test_deleting_a_cluster_leaves_what_is_not_its_own(tmp_path):
    nodes = plan(tmp_path)
    nodes[0].folder.mkdir()
    (tmp_path / "diary").touch()
    Record(tmp_path).save(nodes, [])
    Record(tmp_path).delete()
    assert [path.name for path in tmp_path.iterdir()] == ["diary"]


def test_planned_nodes_share_nothing(tmp_path):
    nodes = plan(tmp_path)
    doors = {door for node in nodes for door in (node.client, node.peer, node.http)}
    assert len(doors) == 9
    assert len({node.folder for node in nodes}) == 3
    assert all(node.host.startswith("127.") for node in nodes)


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not addresses.is_free("127.0.0.1", port)
    assert addresses.is_free("127.0.0.1", port)

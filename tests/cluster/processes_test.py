"""Processes are told apart from later ones, and none outlives its owner unasked."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from cluster import processes


def start_sleeper(folder, **kwargs):
    return processes.start(["sleep", "60"], folder / "log", **kwargs)


def test_a_process_keeps_its_identity_while_it_runs_and_loses_it_then(tmp_path):
    sleeper = start_sleeper(tmp_path)
    identity = processes.identity(sleeper.pid)
    assert identity and processes.identity(sleeper.pid) == identity
    sleeper.kill()
    processes.wait_until(lambda: not processes.identity(sleeper.pid), 10, "it is gone")
    sleeper.wait()


def test_two_processes_differ():
    # Start times count in hundredths of a second: a parent may share one with its child.
    assert processes.identity(os.getpid()) != processes.identity(1)


def test_stop_reports_how_a_process_ended(tmp_path):
    assert processes.stop(start_sleeper(tmp_path)) == -signal.SIGTERM


def test_stop_insists(tmp_path):
    deaf = processes.start(["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"],
                           tmp_path / "log")
    processes.wait_until(lambda: (tmp_path / "log").read_text(encoding="ascii"), 10, "it is deaf")
    assert processes.stop(deaf, seconds=0.1) == -signal.SIGKILL


@pytest.mark.parametrize("outlive", [False, True])
def test_a_child_outlives_its_killed_owner_only_if_it_shall(tmp_path, outlive):
    owner = subprocess.Popen(
        [sys.executable, "-c",
         "import signal, sys; from cluster import processes\n"
         f"child = processes.start(['sleep', '60'], {str(tmp_path / 'log')!r}, {outlive})\n"
         "print(child.pid, flush=True); signal.pause()"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(processes.__file__).parents[1])})
    child = int(owner.stdout.readline())
    owner.kill()
    owner.communicate()
    if outlive:
        assert processes.identity(child)
        os.kill(child, signal.SIGKILL)
    processes.wait_until(lambda: not processes.identity(child), 10, "the child is gone")


def test_waiting_has_an_end():
    with pytest.raises(TimeoutError, match="pigs fly: not within 0.05 s"):
        processes.wait_until(lambda: False, 0.05, "pigs fly")

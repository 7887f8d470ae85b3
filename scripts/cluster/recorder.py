"""A write load under which things are broken, and whose history is judged afterwards."""

import json
import subprocess
import time

from cluster import processes


class Recorder:
    """Runs history_recorder, started by `command`; a context manager that leaves it finished."""

    def __init__(self, command, log):
        self._command, self._log = command, log
        self._process = None
        self.acked = 0

    def __enter__(self):
        self._process = processes.start(self._command, self._log, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def wait_for_more(self, acks, seconds):
        """Until so many more writes are acknowledged than are now."""
        deadline = time.monotonic() + seconds
        self._read_progress()
        wanted = self.acked + acks
        while self.acked < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{acks} more writes were not acknowledged within {seconds} s")
            self._read_progress()

    def note(self, fault, value):
        """Puts a fault into the history."""
        event = {"f": fault, "value": value, "observed": True}
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()

    def finish(self, seconds=60):
        """Ends the load. Its history is complete when this returns."""
        self._process.communicate(timeout=seconds)
        if self._process.returncode != 0:
            raise RuntimeError(f"the load failed:\n{processes.tail(self._log)}")

    def _read_progress(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load ended:\n{processes.tail(self._log)}")
        self.acked = int(line)

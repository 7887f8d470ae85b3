"""Processes: start them so that they cannot be forgotten, and read what /proc knows of them."""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _die_with_parent():
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command, log, outlive=False, **kwargs):
    """Starts a program with its output appended to the file `log`.

    The kernel kills it when this process dies, however that happens, unless it shall `outlive` it:
    then it gets a session of its own, out of the reach of the terminal's Ctrl-C.
    """
    with open(log, "ab") as output:
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output,
                   "start_new_session": True, **kwargs}
        return subprocess.Popen([str(part) for part in command],
                                preexec_fn=None if outlive else _die_with_parent, **options)


def stop(process, seconds=30):
    """Asks it to stop, insists after `seconds`, and returns its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def identity(pid):
    """What tells a process from a later one with the same number; None when there is none.

    The kernel's start time in clock ticks since boot, and the boot.
    """
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{fields[19]}"


def cpu_seconds(pid):
    """What a process has used so far, of all cores together."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid):
    """What a process has in memory now."""
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def wait_until(condition, seconds, what, pause=0.02):
    """Polls until `condition()` gives something true and returns that; else TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)


def tail(log, lines=15):
    """The last lines of a text file, for error messages."""
    text = pathlib.Path(log).read_text(encoding="utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def run_main(main):
    """Runs `main` so that every way out goes through its `finally` clauses; exits with its result.

    Ctrl-C, `kill` and a closed terminal are such ways, too. What the world can cause ends as one
    message, not as a stack trace.
    """
    def leave(number, _):
        sys.exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        sys.exit(main())
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"{pathlib.Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(1)


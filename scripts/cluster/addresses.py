"""Free addresses on this machine, and a look at what listens there."""

import contextlib
import random
import socket
import urllib.error
import urllib.request

# Loopback is never reached through a proxy, whatever the environment says.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_loopback_host():
    """An address of 127.0.0.0/8 for one cluster alone.

    All of 127.0.0.0/8 is loopback on Linux. On an address of its own a cluster's ports are not
    taken by outgoing connections, which leave from 127.0.0.1, nor by another cluster's.
    """
    chooser = random.SystemRandom()
    return ".".join(["127", *(str(chooser.randint(1, 254)) for _ in range(3))])


def free_ports(host, count):
    """Ports of `host` that nobody listens on; held all at once, so all differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((host, 0))
        return [one.getsockname()[1] for one in sockets]


def is_free(host, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def http_get(endpoint, path, seconds=2):
    """The body of a successful answer; empty while there is none."""
    try:
        with _DIRECT.open(f"http://{endpoint}{path}", timeout=seconds) as response:
            return response.read().decode()
    except (urllib.error.URLError, OSError):
        return ""

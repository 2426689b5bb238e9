"""Ports of this machine."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Below the ports that Linux gives to clients: while a replica is dead, no client may come to sit on its port.
_PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A port that nothing listens on.

    Raises:
        OSError: there is none.
    """
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            try:
                listener.bind((HOST, port))
            except OSError:  # taken
                continue
            return port
    raise OSError(f"no free port from {_PORTS.start} to {_PORTS.stop}")

"""Where the server listens unless it is told otherwise, and how it is reached from the same machine."""

from __future__ import annotations

HOST = "127.0.0.1"
PORT = 8000

_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to


def local_address(host: str) -> str:
    """The address to connect to, on this machine, for a server that listens on `host`."""
    return HOST if host in _EVERYWHERE else host


def local_url(host: str, port: int) -> str:
    """The URL, from this machine, of a server that listens on `host` and `port`."""
    address = local_address(host)
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"

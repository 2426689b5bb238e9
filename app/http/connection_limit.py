"""Limits the connections of a process: each takes a file descriptor and some memory."""

from __future__ import annotations

import math
from collections.abc import Callable

# Maximum number of refused connections that stay open until their clients have read the error response.
MAX_LINGERING = 64


class ConnectionLimit:
    """Admits connections up to a limit.

    Args:
        max_connections: 0 means no limit.
        on_refused: called for each connection over the limit.
    """

    def __init__(self, max_connections: int, on_refused: Callable[[], None]) -> None:
        self._max_connections = max_connections or math.inf
        self._on_refused = on_refused
        self._lingering: set[object] = set()

    def admits(self, count: int) -> bool:
        """Whether `count` connections are within the limit; if not, count a refused one."""
        if count <= self._max_connections:
            return True
        self._on_refused()
        return False

    def may_linger(self, connection: object) -> bool:
        """Whether a refused connection may stay open until its client has read the error, or `release`."""
        if len(self._lingering) >= MAX_LINGERING:
            return False
        self._lingering.add(connection)
        return True

    def release(self, connection: object) -> None:
        """A connection, refused or admitted, is closed."""
        self._lingering.discard(connection)

"""How many connections a process has at once: each costs a file descriptor, and some memory."""

from __future__ import annotations

import math
from collections.abc import Callable

# Of those that are turned away, so many may take their time to read why.
LINGERING = 64


class ConnectionLimit:
    """Lets connections in while there is room.

    Args:
        most: connections at once; 0 for any number.
        on_refused: called for each that is one too many.
    """

    def __init__(self, most: int, on_refused: Callable[[], None]) -> None:
        self._most = most or math.inf
        self._on_refused = on_refused
        self._lingering: set[object] = set()

    def admits(self, count: int) -> bool:
        """Whether there is room for so many connections; whoever is told that there is not is counted."""
        if count <= self._most:
            return True
        self._on_refused()
        return False

    def may_linger(self, connection: object) -> bool:
        """Whether a connection that is turned away may stay until its caller has read why, or `left`."""
        if len(self._lingering) >= LINGERING:
            return False
        self._lingering.add(connection)
        return True

    def left(self, connection: object) -> None:
        """A connection is no more, whichever it was."""
        self._lingering.discard(connection)

"""Limits the bytes of large request bodies that a process holds for all connections.

Bytes count when they arrive: a declared length reserves nothing. Above the limit, the newest large bodies are
dropped, so that earlier ones can be read to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

# A connection may hold so much uncounted, so that ordinary requests are never refused.
FREE_BYTES = 64 * 1024
# The C library keeps freed memory. If at least RETURN_BYTES were held, and for IDLE_SECONDS at most an eighth
# of the peak, the memory is returned to the system.
RETURN_BYTES = 32 * 1024 * 1024
IDLE_SECONDS = 1.0


class Holder(Protocol):
    """A connection that holds bytes of a body or of waiting requests."""

    def drop_bytes(self) -> None:
        """Drop the bytes and close the connection."""


class BodyBudget:
    """Counts the bytes that connections hold.

    Args:
        max_bytes: maximum, over all connections that hold more than `FREE_BYTES`.
        on_refused: called for each connection that must drop its bytes.
        return_memory: returns freed memory to the system. It may block, so it is called on a thread.
    """

    def __init__(
        self, max_bytes: int, *, on_refused: Callable[[], None], return_memory: Callable[[], None]
    ) -> None:
        self._max_bytes = max_bytes
        self._on_refused = on_refused
        self._return_memory = return_memory
        self._held: dict[Holder, int] = {}  # in the order in which they became large
        self._total = 0
        self._peak = 0
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, holder: Holder, size: int) -> None:
        """Set the bytes that a connection holds; above the limit, have the newest connections drop theirs."""
        if size <= FREE_BYTES:
            if holder in self._held:
                self.release(holder)
            return
        self._total += size - self._held.get(holder, 0)
        self._held[holder] = size
        self._peak = max(self._peak, self._total)
        while self._total > self._max_bytes:
            newest = next(reversed(self._held))
            self.release(newest)
            self._on_refused()
            newest.drop_bytes()

    def release(self, holder: Holder) -> None:
        """Count a connection no longer."""
        self._total -= self._held.pop(holder, 0)
        if self._timer is None and self._has_fallen():
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._return_if_idle)

    def _has_fallen(self) -> bool:
        return self._peak >= RETURN_BYTES and self._total * 8 <= self._peak

    def _return_if_idle(self) -> None:
        self._timer = None
        if self._has_fallen():
            self._peak = self._total
            asyncio.get_running_loop().run_in_executor(None, self._return_memory)

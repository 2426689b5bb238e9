"""The bytes of large request bodies that a process holds at once, of all connections, have a limit.

Bytes count when they have arrived: to declare a length reserves nothing. Beyond the limit the newest large
bodies are given back, so that those that came first are read to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

# What a connection may hold uncounted: ordinary requests are never refused.
FREE_BYTES = 64 * 1024
# The C library keeps what was freed for later. After so much it is asked to return that to the system, once
# an eighth of it or less has been held for so many seconds.
RETURN_BYTES = 32 * 1024 * 1024
QUIET_SECONDS = 1.0


class Holder(Protocol):
    """A connection that holds bytes of a body, or of requests that wait."""

    def give_back(self) -> None:
        """Let go of them, and end."""


class BodyBudget:
    """Counts the bytes that connections hold.

    Args:
        most: bytes at once, of all connections that hold more than `FREE_BYTES`.
        on_refused: called for each connection that has to give its bytes back.
        return_memory: returns freed memory to the system. It may block, and is called in a thread.
    """

    def __init__(
        self, most: int, *, on_refused: Callable[[], None], return_memory: Callable[[], None]
    ) -> None:
        self._most = most
        self._on_refused = on_refused
        self._return_memory = return_memory
        self._held: dict[Holder, int] = {}  # in the order in which they became large
        self._total = 0
        self._peak = 0
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, holder: Holder, size: int) -> None:
        """Count what a connection holds in all; if that is too much, have the newest give theirs back."""
        if size <= FREE_BYTES:
            if holder in self._held:
                self.release(holder)
            return
        self._total += size - self._held.get(holder, 0)
        self._held[holder] = size
        self._peak = max(self._peak, self._total)
        while self._total > self._most:
            newest = next(reversed(self._held))
            self.release(newest)
            self._on_refused()
            newest.give_back()

    def release(self, holder: Holder) -> None:
        """A connection holds nothing any more."""
        self._total -= self._held.pop(holder, 0)
        if self._timer is None and self._has_fallen():
            self._timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._quiet)

    def _has_fallen(self) -> bool:
        return self._peak >= RETURN_BYTES and self._total * 8 <= self._peak

    def _quiet(self) -> None:
        self._timer = None
        if self._has_fallen():
            self._peak = self._total
            asyncio.get_running_loop().run_in_executor(None, self._return_memory)

"""What waits: admitted items in the order they came, and how many rows they have."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import AppError
from app.inference.batching.observer import Answer

T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Entry(Generic[T, R]):
    """An admitted item and the caller that waits for its answer, unless that was told before or is gone."""

    item: T
    rows: int
    deadline: float
    admitted: float
    caller: asyncio.Future[Answer[R]]

    def answer(self, answer: Answer[R]) -> None:
        """Give the caller its answer, unless it was told before or is gone."""
        if not self.caller.done():
            self.caller.set_result(answer)

    def fail(self, error: AppError) -> None:
        """Tell the caller why there is no answer, unless it was told before or is gone."""
        if not self.caller.done():
            self.caller.set_exception(error)


class Backlog(Generic[T, R]):
    """First in, first out, and whoever leaves early is gone at once, wherever it stood.

    Attributes:
        rows: of all entries together.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Entry[T, R], None] = OrderedDict()
        self.rows = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._entries)

    def __iter__(self) -> Iterator[Entry[T, R]]:
        """Those who wait, in order."""
        return iter(self._entries)

    def __contains__(self, entry: Entry[T, R]) -> bool:
        """Whether an entry still waits."""
        return entry in self._entries

    @property
    def head(self) -> Entry[T, R]:
        """Who has waited longest; there must be someone."""
        return next(iter(self._entries))

    def add(self, entry: Entry[T, R]) -> None:
        """Wait behind all others."""
        self._entries[entry] = None
        self.rows += entry.rows

    def remove(self, entry: Entry[T, R]) -> None:
        """Wait no more."""
        del self._entries[entry]
        self.rows -= entry.rows

    def clear(self) -> list[Entry[T, R]]:
        """Send all away; who they were."""
        entries = list(self._entries)
        self._entries.clear()
        self.rows = 0
        return entries

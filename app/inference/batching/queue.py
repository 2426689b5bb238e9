"""The queue of admitted items, in order of arrival."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import AppError
from app.inference.batching.observer import BatchResult

T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Entry(Generic[T, R]):
    """An admitted item and the future of its result."""

    item: T
    rows: int
    deadline: float
    admitted: float
    future: asyncio.Future[BatchResult[R]]

    def resolve(self, result: BatchResult[R]) -> None:
        """Set the result, unless the future is done or cancelled."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: AppError) -> None:
        """Set the error, unless the future is done or cancelled."""
        if not self.future.done():
            self.future.set_exception(error)


class EntryQueue(Generic[T, R]):
    """First in, first out; an entry can be removed from any position in constant time.

    Attributes:
        rows: of all entries together.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Entry[T, R], None] = OrderedDict()
        self.rows = 0

    def __bool__(self) -> bool:
        """Whether the queue has entries."""
        return bool(self._entries)

    def __iter__(self) -> Iterator[Entry[T, R]]:
        """Iterate over the entries in order of arrival."""
        return iter(self._entries)

    def __contains__(self, entry: Entry[T, R]) -> bool:
        """Whether an entry is in the queue."""
        return entry in self._entries

    @property
    def head(self) -> Entry[T, R]:
        """The oldest entry; the queue must not be empty."""
        return next(iter(self._entries))

    def add(self, entry: Entry[T, R]) -> None:
        """Append an entry."""
        self._entries[entry] = None
        self.rows += entry.rows

    def remove(self, entry: Entry[T, R]) -> None:
        """Remove an entry, which must be in the queue."""
        del self._entries[entry]
        self.rows -= entry.rows

    def clear(self) -> list[Entry[T, R]]:
        """Remove and return all entries."""
        entries = list(self._entries)
        self._entries.clear()
        self.rows = 0
        return entries

"""What a batcher tells: to each caller its answer, to whoever watches what happens."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

R = TypeVar("R")


class Answer(NamedTuple, Generic[R]):
    """The result of one item, and how it came about.

    Attributes:
        result: what `run` gave for this item.
        queued: seconds from admission to the start of its batch.
        ran: seconds that its batch ran.
        batch_rows: rows in its batch, its own included.
    """

    result: R
    queued: float
    ran: float
    batch_rows: int


class BatchObserver(Protocol):
    """What a batcher tells about itself, as it happens."""

    def admitted(self, *, rows: int) -> None:
        """An item is about to join the queue."""

    def refused(self, *, rows: int, reason: str) -> None:
        """An item was not admitted.

        It is `too_large`, `expired` (on arrival), nobody is admitted (`not_ready`), too many rows wait
        (`full`), or its batch would start too late: past the limit (`queue_time`) or past its own `deadline`.
        """

    def left(self, *, rows: int, reason: str) -> None:
        """An admitted item will not be computed: `expired`, `cancelled` or `closed`."""

    def queued(self, *, rows: int, seconds: float) -> None:
        """An item leaves the queue as its batch starts, so many seconds after it was admitted."""

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """A batch has ended and its callers were told."""


class NullObserver:
    """Nobody is watching."""

    def _ignore(self, **_: object) -> None: ...

    admitted = refused = left = queued = ran = _ignore

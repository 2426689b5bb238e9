"""What a batcher reports: a result for each item, and events for metrics."""

from __future__ import annotations

from typing import Generic, NamedTuple, Protocol, TypeVar

R = TypeVar("R")


class BatchResult(NamedTuple, Generic[R]):
    """The result of one item, with the timing of its batch.

    Attributes:
        result: what `run` returned for this item.
        queued: seconds from admission to the start of its batch.
        ran: seconds that its batch ran.
        batch_rows: rows in its batch, its own included.
    """

    result: R
    queued: float
    ran: float
    batch_rows: int


class BatchObserver(Protocol):
    """Receives the events of a batcher."""

    def admitted(self, *, rows: int) -> None:
        """An item is about to join the queue."""

    def refused(self, *, rows: int, reason: str) -> None:
        """An item was not admitted.

        Reasons: it is `too_large`, or `expired` on arrival; the batcher is `not_ready`; the queue is `full`;
        its batch would start later than the limit (`queue_time`) or than its own `deadline`.
        """

    def dropped(self, *, rows: int, reason: str) -> None:
        """An admitted item will not be computed: `expired`, `cancelled` or `closed`."""

    def queued(self, *, rows: int, seconds: float) -> None:
        """An item leaves the queue because its batch starts, so many seconds after admission."""

    def ran(self, *, rows: int, items: int, seconds: float, failed: bool) -> None:
        """A batch has ended and the futures of its items are set."""


class NullObserver:
    """Ignores all events."""

    def _ignore(self, **_: object) -> None: ...

    admitted = refused = dropped = queued = ran = _ignore


class BackgroundObserver(Protocol):
    """Receives the events of a background queue."""

    def admitted(self, *, rows: int) -> None:
        """An item is about to join the queue."""

    def refused(self, *, rows: int, reason: str) -> None:
        """An item was not admitted.

        Reasons: it is `expired` on arrival; the batcher is `not_ready`; the queue is `full`; the item would
        be done later than its `deadline`.
        """

    def dropped(self, *, rows: int, reason: str) -> None:
        """Rows of an admitted item will not be computed: `expired`, `cancelled`, `failed` or `closed`."""

    def started(self, *, rows: int) -> None:
        """A chunk leaves the queue because it starts."""

    def ran(self, *, rows: int, seconds: float, failed: bool) -> None:
        """A chunk has ended."""


class NullBackgroundObserver:
    """Ignores all events."""

    def _ignore(self, **_: object) -> None: ...

    admitted = refused = dropped = started = ran = _ignore

"""What a connection knows of a request and its response, on whichever path it is answered."""

from __future__ import annotations

from typing import Protocol

from app.errors import AppError


class Cycle(Protocol):
    """A request and its response: a `FastRequest` on the fast path, an `AsgiCycle` on the framework's.

    The connection calls `feed` for each part of the body, with `wait` whenever no more of it has come, and
    then `complete`; or `leave`, `fail`, `give_up` or `abandon` when no more comes. The cycle has its response
    written, and calls the connection when that is complete.

    Attributes:
        keep_alive: whether the connection may be used again.
        is_last: whether the connection ends with the response.
        response_complete: whether it was answered or abandoned: what comes after that is thrown away.
        waiting_for_100_continue: whether the caller waits to be told to send the body, and was not.
    """

    keep_alive: bool
    is_last: bool
    response_complete: bool
    waiting_for_100_continue: bool

    @property
    def is_full(self) -> bool:
        """Whether no more of the body should be read for now."""

    @property
    def keeps_body(self) -> bool:
        """Whether the body stays in memory after the last of it has come, until there is a response."""

    def feed(self, part: bytes) -> None:
        """Some of the body is there."""

    def wait(self) -> None:
        """No more of the body has come for now: it has until the timeout of the request."""

    def complete(self) -> None:
        """All of the body is there."""

    def leave(self) -> None:
        """The caller sends nothing more, but may still read."""

    def fail(self, error: AppError) -> None:
        """The rest of the body will not be read; the caller is told why."""

    def give_up(self) -> bool:
        """Leave the request without a response; whether no part of one was sent."""

    def abandon(self) -> None:
        """The caller is gone."""

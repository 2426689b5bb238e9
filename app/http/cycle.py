"""What a connection knows of a request and its answer, on whichever path it is answered."""

from __future__ import annotations

from typing import Protocol


class Cycle(Protocol):
    """A request and its answer, as a connection knows them."""

    keep_alive: bool
    is_last: bool
    response_complete: bool
    waiting_for_100_continue: bool

    @property
    def is_full(self) -> bool:
        """Whether no more of the body should be read for now."""

    def feed(self, part: bytes) -> None:
        """Some of the body is there."""

    def complete(self) -> None:
        """All of the body is there."""

    def leave(self) -> None:
        """The caller sends nothing more, but may still read."""

    def give_up(self) -> bool:
        """Leave the request without an answer; whether no part of one was sent."""

    def abandon(self) -> None:
        """The caller is gone."""

"""The pieces of a stream's body, with its timeout."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from app.errors import MalformedPayload, NotReady, SlowPayload


class Body:
    """The pieces of a body, until its end or the server's.

    Args:
        receive: the ASGI `receive`.
        draining: set when the server shuts down.
        timeout: seconds to wait for a piece.
    """

    def __init__(self, receive: Receive, draining: asyncio.Event, *, timeout: float) -> None:
        self._receive, self._timeout = receive, timeout
        self._draining = asyncio.create_task(draining.wait())
        self._has_ended = False

    def close(self) -> None:
        """Stop waiting for the end of the server."""
        self._draining.cancel()

    async def next(self, *, values: int) -> bytes | None:
        """The next piece; None at the end.

        Args:
            values: time steps that were read so far, for messages.

        Raises:
            SlowPayload: no piece came in time.
            NotReady: the server shuts down.
            MalformedPayload: the body ended early.
        """
        if self._has_ended:
            return None
        receiving = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait(
                (receiving, self._draining), timeout=self._timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if self._draining.done():
                raise NotReady(f"the server shuts down after {values} values; start a new stream")
            if not receiving.done():
                raise SlowPayload(f"no value came for {self._timeout:g} s, after {values} values")
            message: Message = receiving.result()
        finally:
            receiving.cancel()
        if message["type"] == "http.disconnect":
            raise MalformedPayload(f"the connection ended within the body, after {values} values")
        self._has_ended = not message.get("more_body", False)
        return bytes(message.get("body", b""))

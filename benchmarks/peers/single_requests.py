"""One request at a time, for questions that are not timed."""

from __future__ import annotations

from email.message import Message

from benchmarks.peers.bodies import Request
from qa.harness.http_client import exchange
from qa.harness.messages import Response, get

NO_ANSWER = 0  # the status where there was no connection, or no answer


def ask(port: int, request: Request, *, seconds: float = 60) -> Response:
    """Send a request on a connection of its own."""
    return _exchange(port, request.raw(port), seconds)


def is_there(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    return _exchange(port, get(path), 5).status == 200


def _exchange(port: int, request: bytes, seconds: float) -> Response:
    try:
        return exchange(port, request, seconds=seconds)
    except OSError as error:
        return Response(NO_ANSWER, Message(), str(error).encode())

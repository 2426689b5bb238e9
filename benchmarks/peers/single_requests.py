"""Sends single requests that are not timed."""

from __future__ import annotations

from email.message import Message

from benchmarks.peers.bodies import Request
from qa.harness.http_client import exchange
from qa.harness.messages import Response, get

NO_ANSWER = 0  # the status without a connection or a response


def ask(port: int, request: Request, *, seconds: float = 60) -> Response:
    """Send a request on a new connection."""
    return _exchange(port, request.raw(port), seconds)


def responds(port: int, path: str) -> bool:
    """Whether a GET gets 200."""
    return _exchange(port, get(path), 5).status == 200


def _exchange(port: int, request: bytes, seconds: float) -> Response:
    try:
        return exchange(port, request, seconds=seconds)
    except OSError as error:
        return Response(NO_ANSWER, Message(), str(error).encode())

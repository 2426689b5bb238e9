"""One request at a time, for questions that are not timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from benchmarks.peers.bodies import Request


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in lower case. Status 0: no connection."""

    status: int
    content: bytes
    headers: Mapping[str, str]


def ask(port: int, request: Request, *, seconds: float = 60) -> Answer:
    """Send a request on a connection of its own."""
    return _exchange(port, "POST", request.path, request.body, dict(request.headers), seconds)


def is_there(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    return _exchange(port, "GET", path, None, {}, 5).status == 200


def _exchange(
    port: int, method: str, path: str, body: bytes | None, headers: dict[str, str], seconds: float
) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read(), found)
    except (OSError, HTTPException) as error:
        return Answer(0, str(error).encode(), {})
    finally:
        connection.close()

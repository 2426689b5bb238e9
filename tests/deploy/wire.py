"""Bytes to a socket as they are given, and the answer: what no HTTP client would send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from app.api.problems import ALL_KINDS, MEDIA_TYPE

SECONDS = 30.0
_TITLES = {kind.type: kind.title for kind in ALL_KINDS}


class Answer(NamedTuple):
    """One answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def exchange(
    port: int, sent: bytes | Iterator[bytes], *, half_close: bool = False, source: str = "127.0.0.1"
) -> Answer | None:
    """Send bytes on a new connection and read one answer; None if the connection ends without one.

    Args:
        port: on this machine.
        sent: all at once, or part by part as an iterator makes them.
        half_close: shut down the sending side after them.
        source: address to connect from.
    """
    with socket.create_connection(("127.0.0.1", port), SECONDS, (source, 0)) as connection:
        for part in (sent,) if isinstance(sent, bytes) else sent:
            connection.sendall(part)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return Answer(response.status, response.headers, response.read())
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None
        finally:
            response.close()


def request(
    headers: Iterable[tuple[str, str]] = (), *, body: bytes = b"{}", target: str = "/predict"
) -> bytes:
    """All bytes of a POST with these headers, as they are."""
    lines = [f"POST {target} HTTP/1.1", "Host: balancer", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def problem(answer: Answer | None, *, status: int) -> dict[str, Any]:
    """The problem document in an answer, which has the form and a kind of the replicas'."""
    assert answer is not None, "the connection ended without an answer"
    document: dict[str, Any] = json.loads(answer.body)
    assert answer.headers.get_all("Content-Type") == [MEDIA_TYPE]
    assert set(document) == {"type", "title", "status", "detail", "request_id"}
    assert document["title"] == _TITLES[document["type"]]
    assert answer.status == document["status"] == status
    assert answer.headers.get_all("X-Request-Id") == [document["request_id"]]
    return document

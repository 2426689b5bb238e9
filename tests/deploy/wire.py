"""Requests to the balancer by the byte, and the problem documents that come back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from app.api.problem_kinds import ALL_KINDS
from app.api.problems import MEDIA_TYPE
from qa.harness import http_client
from qa.harness.http_client import NoResponse
from qa.harness.messages import Response, post

_TITLES = {kind.type: kind.title for kind in ALL_KINDS}


def exchange(
    port: int, sent: bytes | Iterable[bytes], *, half_close: bool = False, source: str = ""
) -> Response | None:
    """`http_client.exchange`, but None if the connection ends without a response."""
    try:
        return http_client.exchange(port, sent, half_close=half_close, source=source, seconds=30)
    except NoResponse:
        return None


def request(
    headers: Iterable[tuple[str, str]] = (), *, body: bytes = b"{}", target: str = "/predict"
) -> bytes:
    """All bytes of a POST with these headers, as they are."""
    return post(body, [(name, value.encode("latin-1")) for name, value in headers], target=target)


def problem(answer: Response | None, *, status: int) -> dict[str, Any]:
    """The problem document in an answer, which has the form and a kind of the replicas'."""
    assert answer is not None, "the connection ended without an answer"
    document: dict[str, Any] = json.loads(answer.body)
    assert answer.headers.get_all("Content-Type") == [MEDIA_TYPE]
    assert set(document) == {"type", "title", "status", "detail", "request_id"}
    assert document["title"] == _TITLES[document["type"]]
    assert answer.status == document["status"] == status
    assert answer.headers.get_all("X-Request-Id") == [document["request_id"]]
    return document
